"""The first minute with a folder in one of many layouts: what ``train.py fit`` says of it, and whether it is so.

python -m benchmarks.robustness.layouts --home layouts  # makes the folders from UCI digits, runs, prints a table
python -m benchmarks.robustness.layouts --home layouts --only kaggle

Every folder is made of real fours and nines. What is true of it is written down beside how it is made: the images of
every class in every split, sentences that must be said, or the one that must refuse it.
"""

import argparse
import contextlib
import io
import itertools
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import train
from datamodules import ImageFolder
from networks.errors import InputError

CONFIG = Path(__file__).parents[2] / "configs" / "image_folder" / "classifier.yaml"
QUICK = [
    "--trainer.max_steps=2",
    "--trainer.limit_val_batches=1",
    "--trainer.val_check_interval=1",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
    "--trainer.logger=false",
    "--trainer.callbacks=null",
]
CLASSES = {"four": 4, "nine": 9}
Table = dict[str, list[int]]  # fours and nines of each split


@dataclass
class Case:
    """One layout.

    Attributes:
        files: folders, with ``{class}`` for the class, and how many images go into each.
        truth: images of the classes by split; none where the folder must be refused.
        said: patterns of what must be said.
        flags: of the command line.
        root: the folder that is passed, below the one that is made.
        extras: files by path, and the name of what they hold ("text", or the path of an image that they copy).
        links: folders that are links, and to what.
    """

    files: dict[str, int | tuple[int, int]]
    truth: Table | None
    said: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    root: str = "."
    extras: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


CASES: dict[str, Case] = {
    "class folders": Case(
        {"{class}": 50}, {"train": [40, 40], "val": [5, 5], "test": [5, 5]}, ["val and test cut from"]
    ),
    "train/val/test": Case(
        {"train/{class}": 40, "val/{class}": 10, "test/{class}": 20},
        {"train": [40, 40], "val": [10, 10], "test": [20, 20]},
    ),
    "Training/Testing": Case(
        {"Training/{class}": 40, "Testing/{class}": 20},
        {"train": [36, 36], "val": [4, 4], "test": [20, 20]},
        ["'Training' is train, 'Testing' is test", "val cut from train by seed 0"],
    ),
    "train/valid/test, one level too deep, zipped on a Mac": Case(
        {"data/train/{class}": 40, "data/valid/{class}": 10, "data/test/{class}": 20},
        {"train": [40, 40], "val": [10, 10], "test": [20, 20]},
        ["lies in 'data'", "'valid' is val"],
        extras={
            "__MACOSX/data/train/four/._1.png": "text",
            "data/train/four/._1.png": "text",
            "data/.DS_Store": "text",
        },
    ),
    "one level too shallow: …/train is passed": Case(
        {"train/{class}": 40, "test/{class}": 20},
        {"train": [32, 32], "val": [4, 4], "test": [4, 4]},
        ["is one split by its name, and nothing beside it is read, 'test'"],
        root="train",
    ),
    "Kaggle: prefixed, a test set without labels": Case(
        {"seg_train/seg_train/{class}": 40, "seg_test/seg_test/{class}": 20, "seg_pred/seg_pred": 30},
        {"train": [36, 36], "val": [4, 4], "test": [20, 20]},
        ["left out: 30 images in 'seg_pred'"],
    ),
    "splits inside the class folders": Case(
        {"{class}/train": 40, "{class}/test": 20},
        {"train": [36, 36], "val": [4, 4], "test": [20, 20]},
        ["the splits lie inside the class folders"],
    ),
    "notebooks and other files": Case(
        {"{class}": 50, "{class}/.ipynb_checkpoints": 10},
        {"train": [40, 40], "val": [5, 5], "test": [5, 5]},
        [r"4 files skipped \(2 .heic, 1 .csv, 1 .txt\)"],
        extras={"four/a.heic": "text", "four/b.HEIC": "text", "nine/notes.txt": "text", "nine/labels.csv": "text"},
    ),
    "patients, three images each": Case(
        {f"{{class}}/patient{i}": 3 for i in range(30)},
        {"train": [72, 72], "val": [9, 9], "test": [9, 9]},
        ["60 groups undivided"],
        ["--data.group_by=([^/]+/patient[0-9]+)/", "--data.class_level=1"],
    ),
    "copies across splits, and under both labels": Case(
        {"train/{class}": 40, "val/{class}": 10, "test/{class}": 20},
        {"train": [40, 41], "val": [10, 10], "test": [22, 20]},
        ["BEWARE: 2 images are copies of one in another split", "2 files have a copy in another class"],
        extras={
            "test/four/again1.png": "train/four/1.png",
            "test/four/again2.png": "train/four/2.png",
            "train/nine/wrong.png": "train/four/3.png",
        },
    ),
    "a rare class": Case(
        {"{class}": (100, 4)},
        {"train": [80, 2], "val": [10, 1], "test": [10, 1]},
    ),
    "linked folders": Case(
        {"store/{class}": 50},
        {"train": [40, 40], "val": [5, 5], "test": [5, 5]},
        root="links",
        links={"links/four": "store/four", "links/nine": "store/nine"},
    ),
    "hospitals, each with both classes": Case(
        {"north/{class}": 20, "south/{class}": 20},
        None,
        ["each of 'north', 'south' .*holds the folders 'four', 'nine': pass --data.class_level 1"],
    ),
    "the same, told which level": Case(
        {"north/{class}": 20, "south/{class}": 30},
        {"train": [40, 40], "val": [5, 5], "test": [5, 5]},
        flags=["--data.class_level=2"],
    ),
    "images and masks": Case({"images": 20, "masks": 20}, None, ["as data for segmentation or detection do"]),
    "splits without class folders": Case(
        {"train": 20, "test": 20}, None, ["'test', 'train' with images, but no class f"]
    ),
    "a class in other case in test": Case(
        {"train/{class}": 20, "test/Four": 5, "test/nine": 5}, None, ["'Four' in test is 'four' in train"]
    ),
}


def pictures() -> dict[str, Iterator[np.ndarray]]:
    """8×8 uint8, without end where the digits are used up: then turned upside down."""
    images, labels = load_digits(return_X_y=True)
    found = {name: images[labels == digit].reshape(-1, 8, 8) for name, digit in CLASSES.items()}
    return {name: iter((np.concatenate([x, x[:, ::-1]]) * 255 / 16).astype(np.uint8)) for name, x in found.items()}


def make(case: Case, folder: Path) -> None:
    """The folder of a case."""
    left = pictures()
    for pattern, n in case.files.items():
        for i, name in enumerate(CLASSES if "{class}" in pattern else list(CLASSES)[:1]):
            target = folder / pattern.replace("{class}", name)
            target.mkdir(parents=True, exist_ok=True)
            for k in range(n if isinstance(n, int) else n[i]):
                Image.fromarray(next(left[name])).save(target / f"{k}.png")
    for path, what in case.extras.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if what == "text":
            (folder / path).write_text(path)
        else:
            shutil.copy(folder / what, folder / path)
    for path, target_path in case.links.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to((folder / target_path).resolve())


def run(case: Case, folder: Path, home: Path) -> str:
    """What ``train.py fit`` prints."""
    printed = io.StringIO()
    words = [f"--data.root={folder / case.root}", f"--trainer.default_root_dir={home / 'runs' / folder.name}"]
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        try:
            train.main(["fit", f"--config={CONFIG}", *QUICK, *words, *case.flags])
        except InputError as error:
            return f"error: {error}"
    return printed.getvalue()


def described(printed: str) -> list[str]:
    """Its lines that speak of the data."""
    lines = printed.splitlines()
    heads = [i for i, line in enumerate(lines) if line.startswith("ImageFolder: ")]
    if not heads:
        return lines
    more = itertools.takewhile(lambda line: line.startswith("  "), lines[heads[0] + 1 :])
    return [lines[heads[0]].removeprefix("ImageFolder: "), *(line.strip() for line in more)]


def what_is_wrong(case: Case, printed: str, folder: Path) -> list[str]:
    """Differences between what is true, what was said, and what the data module does."""
    wrong = [f"never said: {pattern}" for pattern in case.said if not re.search(pattern, printed)]
    if case.truth is None:
        return wrong + ([] if printed.startswith("error: ") else ["it was not refused"])
    sizes = ", ".join(f"{split} {sum(counts)}" for split, counts in case.truth.items())
    totals = np.sum(list(case.truth.values()), axis=0).tolist()
    counts = ", ".join(f"{name} {n}" for name, n in zip(CLASSES, totals, strict=True))
    wrong += [f"never said: {text}" for text in (f"splits: {sizes}", f"2 classes: {counts}") if text not in printed]
    options = dict(flag.removeprefix("--data.").split("=", 1) for flag in case.flags)
    level = int(options["class_level"]) if "class_level" in options else None
    data = ImageFolder(str(folder / case.root), class_level=level, group_by=options.get("group_by"))
    for split in ("train", "val", "test"):
        files, y = data.split(split).files, data.split(split).y.tolist()  # type: ignore[attr-defined]
        if any(data.class_names[label] not in file.parts for file, label in zip(files, y, strict=True)):
            wrong.append(f"{split}: labels that are not the folders'")
        if [Counter(y)[i] for i in range(2)] != case.truth[split]:
            wrong.append(f"{split}: {Counter(y)} instead of {case.truth[split]}")
    return wrong


def main(args: list[str] | None = None) -> int:
    """Returns how many were wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="an empty folder")
    parser.add_argument("--only", default="", help="cases that hold this text")
    options = parser.parse_args(args)
    failures = 0
    print("| layout | what is said | right |\n|---|---|---|")
    for number, (name, case) in enumerate(CASES.items()):
        if options.only not in name:
            continue
        folder = options.home.resolve() / f"folder{number}"
        for earlier in (folder, options.home.resolve() / "runs" / folder.name):
            shutil.rmtree(earlier, ignore_errors=True)
        make(case, folder)
        printed = run(case, folder, options.home.resolve())
        wrong = what_is_wrong(case, printed, folder)
        failures += bool(wrong)
        said = "<br>".join(described(printed)).replace(str(folder), "my").replace("|", "\\|")
        print(f"| {name} | {said} | {'; '.join(wrong) or 'yes'} |", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(main())
