"""How people lay out folders of images: which folder is a split, which a class, and what is left out."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.base import SPLITS, SplitName
from datamodules.folders.entries import count_images, entries, is_image, walk
from datamodules.folders.split_names import split_of
from networks.errors import InputError, printable

#: names of two folders side by side that tell segmentation and detection
PICTURES = {"image", "images", "img", "imgs", "jpegimages"}
ANNOTATIONS = {"mask", "masks", "label", "labels", "annotation", "annotations", "gt", "groundtruth", "ground_truth"} | {
    "segmentation",
    "segmentations",
    "segmentationclass",
    "bbox",
    "bboxes",
}
SHOWN = 5  # names in a list for people

Folders = dict[str, list[Path]]  # of each class


@dataclass
class Layout:
    """What was understood of a folder.

    Attributes:
        splits: the images of every class, sorted, for each split that is there; all of them in "train" where the
            folder is not split. A class that val or test lack has no images there.
        remarks: how the folder was read, where that is not plain, a sentence each.
        left_out: files in the classes' folders that are no images by their names, by extension.
    """

    splits: dict[SplitName, Folders] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def understood(root: Path, class_level: int | None = None) -> Layout:
    """What a folder holds.

    Args:
        class_level: which folders name the classes, counted from ``root`` or the split's folder: 1 are the first ones
            below, 2 those inside them; ``None`` for 1, and refuse where the second would do as well.

    Raises:
        InputError: no such folder, no classes in it, or a layout that may mean two things.
    """
    if not root.is_dir():
        what = f"{str(root)!r} is a file" if root.exists() else f"no folder {str(root)!r}"
        raise InputError(f"{what}: pass --data.root with a folder of class folders")
    entries.cache_clear()
    layout = Layout()
    top = _unwrapped(root)
    if top != root:
        layout.remarks.append(f"everything lies in {shown(top.relative_to(root))}, which is read")
    trees = _split_folders(top, class_level, layout)
    if not trees:
        _tell_siblings(root, layout)
    found = _of_splits(trees, class_level, layout) if trees else _splits_inside(top, layout)
    found = found or {"train": _class_folders(top, class_level, layout)}
    for split in SPLITS:
        if split in found and (images := _images(split, found, layout)):
            layout.splits[split] = images
    entries.cache_clear()
    return layout


def shown(path: Path | str) -> str:
    """In quotes, with escapes for what is not printable."""
    return f"'{readable(str(path))}'"


def named(names: Iterable[str]) -> str:
    """In quotes; the first few of many."""
    every = list(names)
    more = f" and {len(every) - SHOWN:,} more" if len(every) > SHOWN else ""
    return ", ".join(map(shown, every[:SHOWN])) + more


def readable(name: str) -> str:
    """A file's name for people: bytes that are no UTF-8, line feeds and the like as ``\\xe9`` and ``\\n``."""
    return printable(name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))


def _unwrapped(tree: Path, classes: Iterable[str] = ()) -> Path:
    """The folder, or where all images lie in one folder of folders, that one, and so on."""
    passed: set[Path] = set()
    while tree.resolve() not in passed:
        passed.add(tree.resolve())
        folders, files = entries(tree)
        _refuse_annotations(tree, folders)
        full = [folder for folder in folders if _holds_images(folder)]
        if len(full) != 1 or any(map(is_image, files)) or not (inner := entries(full[0])[0]):
            break
        if len(folders) > 1 and sum(map(_is_split, inner)) < 2:  # the others may be classes whose images are not known
            break
        if _normal(full[0].name) in classes or (split_of(full[0].name) and full[0].name != tree.name):
            break
        tree = full[0]
    return tree


def _split_folders(top: Path, class_level: int | None, layout: Layout) -> dict[SplitName, Path]:
    """Folders of the splits that hold class folders; none where the folder is not split."""
    folders, _ = entries(top)
    said = {folder: told for folder in folders if (told := split_of(folder.name))}
    said = {folder: told for folder, told in said.items() if not told[1] or _has_partner(told, said.values())}
    deep = _with_eval([folder for folder in said if entries(folder)[0]], said)
    others = [folder for folder in folders if folder not in said]
    if said and len(deep) < 2 and (classes := [folder for folder in others if _holds_images(folder)]):
        if class_level is None:
            raise InputError(
                f"{shown(top)} holds {named(f.name for f in said)}, a split by its name, beside "
                f"{named(f.name for f in classes)} with images: pass --data.class_level 1 if all of them are classes, "
                "or --data.root with the splits alone"
            )
        return {}
    if said and not deep:
        raise InputError(
            f"{shown(top)} holds {named(f.name for f in said)} with images, but no class folders in them: a "
            "classifier needs root/train/class/*.png, or class folders without splits"
        )
    if not deep:
        return {}
    trees: dict[SplitName, Path] = {}
    for folder in deep:
        if (split := said[folder][0]) in trees:
            raise InputError(
                f"{shown(top)} holds {shown(trees[split].name)} and {shown(folder.name)}, both the {split} split by "
                "their names: put them together, or move one away"
            )
        trees[split] = folder
    if "train" not in trees:
        raise InputError(
            f"{shown(top)} holds {named(f.name for f in trees.values())}, but no train split: it must hold one, or "
            "class folders alone (which are then split by seed)"
        )
    for folder in (*(f for f in said if f not in deep), *others):
        if n := count_images(folder):
            why = "without class folders" if folder in said else "beside the splits"
            layout.remarks.append(f"left out: {n:,} images in {shown(folder.name)}, {why}")
    _tell_strays(top, layout)
    renamed = [f"{shown(trees[s].name)} is {s}" for s in SPLITS if s in trees and trees[s].name != s]
    layout.remarks += [", ".join(renamed)] if renamed else []
    return trees


def _with_eval(deep: list[Path], said: dict[Path, tuple[SplitName, str]]) -> list[Path]:
    """The folders; an eval beside another val is the test split, if nothing else is: train, dev and eval."""
    splits = [said[folder][0] for folder in deep]
    if splits.count("val") == 2 and "test" not in splits:
        said |= {folder: ("test", said[folder][1]) for folder in deep if "eval" in folder.name.lower()}
    return deep


def _holds_images(folder: Path) -> bool:
    return any(map(is_image, walk(folder)))


def _has_partner(told: tuple[SplitName, str], others: Iterable[tuple[SplitName, str]]) -> bool:
    """Whether another name is the same but for the split: ``seg_train`` and ``seg_test``, not ``train station``."""
    return any(rest == told[1] and split != told[0] for split, rest in others)


def _of_splits(trees: dict[SplitName, Path], class_level: int | None, layout: Layout) -> dict[SplitName, Folders]:
    train = _class_folders(trees["train"], class_level, layout)
    found = {"train": train}
    for split, tree in trees.items():
        if split != "train":
            found[split] = _class_folders(tree, class_level, layout, train)
    return found  # type: ignore[return-value]  # keys of trees


def _splits_inside(top: Path, layout: Layout) -> dict[SplitName, Folders]:
    """The other way round, ``class/train/*.png``: the folders of every class by split; none where it is not so."""
    found: dict[SplitName, Folders] = {}
    classes, _ = entries(top)
    for folder in classes:
        inside, files = entries(folder)
        if not inside or any(map(is_image, files)) or not all(_is_split(each) for each in inside):
            return {}
        for each in inside:
            if told := split_of(each.name):
                found.setdefault(told[0], {}).setdefault(_normal(folder.name), []).append(each)
    if len(classes) < 2 or len(found.get("train", {})) < len({_normal(f.name) for f in classes}):
        return {}
    if any(entries(folder)[0] for folders in found["train"].values() for folder in folders):
        return {}  # each holds splits with classes of their own
    layout.remarks.append("the splits lie inside the class folders")
    return found


def _class_folders(tree: Path, class_level: int | None, layout: Layout, train: Iterable[str] = ()) -> Folders:
    """Folders of every class in a tree, sorted by name.

    Args:
        train: names of the classes, where they are known from the train split.
    """
    tree = _unwrapped(tree, train)
    folders, _ = entries(tree)
    if not folders:
        what = "holds files, and no folders" if any(tree.iterdir()) else "is empty"
        where = "; pass the folder that holds it, if it is one class of several" if count_images(tree) else ""
        raise InputError(f"{str(tree)!r} {what}: it must hold one folder of images for each class{where}")
    _tell_strays(tree, layout)
    if class_level is None:
        _refuse_inner_splits(tree, folders)
        _refuse_two_meanings(tree, folders)
        _tell_inner_folders(folders, layout)
    for _ in range(1, class_level or 1):
        folders = [inner for folder in folders for inner in entries(folder)[0]]
    classes: Folders = {}
    for folder in sorted(folders, key=lambda f: _normal(f.name)):
        classes.setdefault(_normal(folder.name), []).append(folder)
    if len(classes) < 2 and not train:
        only = f"one class only ({next(iter(classes))!r})" if classes else f"no folders at level {class_level}"
        raise InputError(f"{str(tree)!r} holds {only}: a classifier needs at least two class folders")
    _tell_look_alikes(classes, layout)
    return classes


def _refuse_annotations(tree: Path, folders: list[Path]) -> None:
    names = {folder.name.lower() for folder in folders}
    if names & PICTURES and names & ANNOTATIONS:
        raise InputError(
            f"{shown(tree)} holds {named(f.name for f in folders)}, as data for segmentation or detection do: a "
            "classifier needs one folder of images for each class"
        )


def _refuse_inner_splits(tree: Path, folders: list[Path]) -> None:
    """Splits where classes should be, or inside something that is no class."""
    if splits := [folder.name for folder in folders if _is_split(folder) and entries(folder)[0]]:
        raise InputError(
            f"{shown(tree)} holds {named(splits)} where its class folders should be, and the names of splits are not "
            "taken for classes: pass --data.root with the folder of the splits"
        )
    for folder in folders:
        if len(splits := [inner.name for inner in entries(folder)[0] if _is_split(inner)]) > 1:
            raise InputError(
                f"{shown(folder)} holds splits, {named(splits)}: pass --data.root {shown(folder)} for them alone, "
                f"since {named(f.name for f in folders)} are no classes then"
            )


def _is_split(folder: Path) -> bool:
    """By nothing but its name."""
    told = split_of(folder.name)
    return told is not None and not told[1]


def _refuse_two_meanings(tree: Path, folders: list[Path]) -> None:
    """Where all folders hold folders of the same names, either may be the classes."""
    inside = [entries(folder) for folder in folders]
    if len(folders) < 2 or any(is_image(file) for _, files in inside for file in files):
        return
    shared = set.intersection(*({_normal(f.name) for f in inner} for inner, _ in inside))
    if len(shared) > 1:
        raise InputError(
            f"each of {named(f.name for f in folders)} in {shown(tree)} holds the folders {named(sorted(shared))}: "
            "pass --data.class_level 1 if the former are the classes, 2 if the latter are"
        )


def _tell_inner_folders(folders: list[Path], layout: Layout) -> None:
    inner = [entries(folder) for folder in folders]
    nested = [f for below, files in inner for f in below if not any(map(is_image, files))]
    if len(nested) > len(folders):
        layout.remarks.append(
            f"the class folders hold {len(nested):,} folders, first {shown(nested[0].name)}: --data.class_level 2 if "
            "those are the classes, --data.group_by '([^/]+)/[^/]+$' if they are patients"
        )


def _tell_strays(tree: Path, layout: Layout) -> None:
    if n := sum(map(is_image, entries(tree)[1])):
        layout.remarks.append(f"left out: {n:,} images in {shown(tree.name)} beside its folders")


def _tell_siblings(root: Path, layout: Layout) -> None:
    place = root.absolute()
    if (own := split_of(place.name)) is None or not os.access(place.parent, os.R_OK):
        return
    names = sorted(folder.name for folder in place.parent.iterdir())
    beside = [(name, told) for name in names if (told := split_of(name))]
    if others := [name for name, (split, rest) in beside if rest == own[1] and split != own[0]]:
        layout.remarks.append(
            f"{shown(root)} is one split by its name, and nothing beside it is read, {named(others)}: pass --data.root "
            f"{shown(root.parent)} for all of them"
        )


def _tell_look_alikes(classes: Folders, layout: Layout) -> None:
    alike: dict[str, list[str]] = {}
    for name in classes:
        alike.setdefault(folded(name), []).append(name)
    for names in alike.values():
        if len(names) > 1:
            layout.remarks.append(f"{named(names)} are two classes whose names differ in case or spaces only")


def _images(split: SplitName, found: dict[SplitName, Folders], layout: Layout) -> Folders:
    """Files of every class of train, sorted; nothing where the split has no labels."""
    train, folders = found["train"], found[split]
    if foreign := [name for name in folders if name not in train]:
        if len(folders) == 1 and not _alike(foreign, train):
            layout.remarks.append(f"left out: the {split} split, which holds {named(foreign)} alone, no class of train")
            return {}
        raise _foreign(split, foreign, list(train))
    images: Folders = {}
    for name in train:
        left_out: Counter[str] = Counter()
        images[name] = []
        for file in sorted(file for folder in folders.get(name, []) for file in walk(folder)):
            if is_image(file):
                images[name].append(file)
            else:
                left_out[file.suffix.lower() or "without extension"] += 1
        if split == "train" and not images[name]:
            held = f"; it holds {counted(left_out)}" if left_out else ""
            raise InputError(f"class folder {str(folders[name][0])!r} holds no image{held}: fill it, or move it away")
        layout.left_out += left_out
    if not any(images.values()):
        layout.remarks.append(f"left out: the {split} split, which holds no image")
        return {}
    return images


def _foreign(split: str, foreign: list[str], train: list[str]) -> InputError:
    """Classes that train does not know."""
    if alike := _alike(foreign, train):
        pairs = ", ".join(f"{shown(name)} in {split} is {shown(own)} in train" for name, own in alike[:SHOWN])
        return InputError(f"classes must have the same names in every split, in case and spaces, too: {pairs}?")
    return InputError(
        f"{split} holds the classes {named(foreign)}, which train does not (it holds {named(train)}): they must be the "
        "same"
    )


def _alike(foreign: Iterable[str], train: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ in case or spaces only."""
    own = {folded(name): name for name in train}
    return [(name, own[folded(name)]) for name in foreign if folded(name) in own]


def counted(extensions: Counter[str]) -> str:
    """Such as "3 .gif, 9 .txt"; the most frequent first."""
    frequent = sorted(extensions.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{n:,} {extension}" for extension, n in frequent[:SHOWN])


def _normal(name: str) -> str:
    """The same for names that differ in how an é is written, as they do between macOS and Linux."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """The same for names that differ in case, or in what stands between their words, too."""
    return re.sub(r"[\s_-]+", " ", _normal(name).casefold()).strip()
