import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules import ImageFolder
from datamodules.base import SPLITS
from datamodules.folders.inspection import suitable
from datamodules.images.pixels import read_image
from lightning_modules.from_data import WIDTHS
from networks import CNN, ConvVAE, Glow, VelocityUNet
from networks.errors import InputError
from tests.support.trees import plant, write_image_folder, write_images


@pytest.mark.parametrize("splits", [True, False])
def test_both_layouts(tmp_path: Path, splits: bool) -> None:
    data = ImageFolder(str(write_image_folder(tmp_path, splits)), size=8)
    assert data.class_names == ["bright", "dark"] and data.num_classes == 2 and data.shape == (3, 8, 8)
    files = {name: data.split(name).files for name in ("train", "val", "test")}
    assert len({f for part in files.values() for f in part}) == sum(map(len, files.values())) == (120 if splits else 40)
    batch = next(iter(data.test_dataloader()))
    assert batch["x"].shape[1:] == (3, 8, 8) and batch["x"].min() >= 0 and batch["x"].max() <= 1
    assert ((batch["x"].mean((1, 2, 3)) < 0.5).long() == batch["y"]).all()


def test_grey_and_cropping(tmp_path: Path) -> None:
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:, 8:24] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert torch.equal(read_image(tmp_path / "wide.png", (1, 16, 16)), torch.ones(1, 16, 16))
    assert read_image(tmp_path / "wide.png", (3, 8, 8)).shape == (3, 8, 8)


def test_empty_and_missing_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder .*nowhere.*--data.root"):
        ImageFolder(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="is empty: it must hold one folder of images for each class"):
        ImageFolder(str(tmp_path))


def test_one_class_only(tmp_path: Path) -> None:
    write_images(tmp_path / "cat", 3, 100)
    with pytest.raises(InputError, match=r"one class only \('cat'\): a classifier needs at least two"):
        ImageFolder(str(tmp_path))


def test_class_without_images(tmp_path: Path) -> None:
    write_image_folder(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty' holds no image"):
        ImageFolder(str(tmp_path)).split("train")


@pytest.mark.parametrize("workers", [0, 1])
def test_corrupt_file_is_named(tmp_path: Path, workers: int) -> None:
    write_image_folder(tmp_path)
    data = ImageFolder(str(tmp_path), size=8, grey=False, num_workers=workers, batch_size=100)
    for file in (tmp_path / "dark").iterdir():
        file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(InputError, match=r"dark/\d+\.(png|jpg) cannot be read as an image: remove or replace it"):
        list(data.train_dataloader())
    with pytest.raises(InputError, match=r"dark/\d+\.(png|jpg) cannot be read as an image"):
        ImageFolder(str(tmp_path))


def test_too_few_for_the_fractions(tmp_path: Path) -> None:
    write_image_folder(tmp_path, n=1)
    with pytest.raises(InputError, match=r"2 images in .* leave none for val and test"):
        ImageFolder(str(tmp_path)).split("val")


def names(data: ImageFolder) -> dict[str, set[str]]:
    return {s: {f.relative_to(data.root).as_posix() for f in data.split(s).files} for s in SPLITS}  # type: ignore[attr-defined]


def table(data: ImageFolder) -> dict[str, list[int]]:
    """Images of every class by split."""
    return {split: data.split(split).y.bincount(minlength=data.num_classes).tolist() for split in SPLITS}


@pytest.mark.parametrize("seed", range(6))
def test_every_split_has_its_share_of_every_class(tmp_path: Path, seed: int) -> None:
    data = ImageFolder(str(plant(tmp_path, "cat/{1..100}.png", "dog/{1..4}.png", "ox/{1..30}.png")), seed=seed)
    assert table(data) == {"train": [80, 2, 24], "val": [10, 1, 3], "test": [10, 1, 3]}
    assert sum(map(len, names(data).values())) == len(set.union(*names(data).values())) == 134


def test_a_class_of_two_images_is_trained_and_what_is_lacking_is_said(tmp_path: Path) -> None:
    data = ImageFolder(str(plant(tmp_path, "cat/{1..10}.png", "dog/{1..2}.png", "ox/1.png")))
    assert table(data)["train"] == [8, 1, 1]
    assert data.described()[-1].startswith("BEWARE: ") and "lacks 'dog', 'ox'" in data.described()[-1]


def test_a_thousand_classes_of_three(tmp_path: Path) -> None:
    data = ImageFolder(str(plant(tmp_path, "c{1..300}/{1..3}.png")), fractions=(0.6, 0.2, 0.2))
    assert all(counts == [1] * 300 for counts in table(data).values())
    assert data.described()[1].startswith("300 classes: c1 3, c10 3, c100 3, ") and data.described()[1].endswith(
        "…, c99 3"
    )


def test_the_split_depends_on_seed_and_names_alone(tmp_path: Path) -> None:
    root = plant(tmp_path / "one", "{cat,dog}/{1..50}.png")
    first = names(ImageFolder(str(root)))
    other = plant(tmp_path / "two", *(f"{c}/{i}.png" for c in ("dog", "cat") for i in range(50, 0, -1)))
    assert names(ImageFolder(str(other))) == first
    assert names(ImageFolder(str(root), seed=1)) != first
    wrapped = shutil.copytree(root, tmp_path / "three" / "data" / "train")
    for above in (tmp_path / "three", wrapped.parent, wrapped):
        found = {
            s: {name.split("/", name.count("/") - 1)[-1] for name in p}
            for s, p in names(ImageFolder(str(above))).items()
        }
        assert found == first
    (root / "cat" / "17.png").unlink()
    moved = sum(len(first[s] - part - {"cat/17.png"}) for s, part in names(ImageFolder(str(root))).items())
    assert moved <= 2


@pytest.mark.parametrize(
    ("patterns", "cut", "sizes"),
    [
        (["train/{a,b}/{1..9}.png", "test/{a,b}/{1..4}.png"], "val", [16, 2, 8]),
        (["train/{a,b}/{1..9}.png", "val/{a,b}/{1..4}.png"], "test", [16, 8, 2]),
        (["train/{a,b}/{1..10}.png"], "val and test", [16, 2, 2]),
        (["{a,b}/{1..10}.png"], "val and test", [16, 2, 2]),
    ],
)
def test_missing_splits_are_cut_from_train(tmp_path: Path, patterns: list[str], cut: str, sizes: list[int]) -> None:
    data = ImageFolder(str(plant(tmp_path, *patterns)))
    assert [len(data.split(split)) for split in SPLITS] == sizes
    assert f"({cut} cut from train by seed 0, every class in its share)" in data.described()[2]


def test_copies_stay_together_or_are_counted(tmp_path: Path) -> None:
    for folder in ("{a,b}", "{train,test,val}/{a,b}"):
        root = plant(tmp_path / folder, f"{folder}/{{1..20}}.png")
        first, second = ("a", "b") if folder == "{a,b}" else ("train/a", "test/b")
        for i in range(1, 6):
            shutil.copy(root / first / f"{i}.png", root / first / f"copy{i}.png")
            shutil.copy(root / first / f"{i}.png", root / second / f"other{i}.png")
        data = ImageFolder(str(root))
        side = {name: split for split, part in names(data).items() for name in part}
        apart = sum(side[f"{first}/{i}.png"] != side[f"{second}/other{i}.png"] for i in range(1, 6))
        assert all(side[f"{first}/{i}.png"] == side[f"{first}/copy{i}.png"] for i in range(1, 6))
        assert apart == (0 if folder == "{a,b}" else 5)
        assert ("5 images are copies of one in another split" in data.described()[-1]) == bool(apart)
        assert "15 files have a copy in another class, first " in data.described()[-1]


PATIENTS = ["normal/p{1..30}_{1,2,3}.png", "ill/p{31..40}_{1..6}.png", "ill/p{1..3}_9.png"]


@pytest.mark.parametrize("by", ["pattern", "csv"])
def test_patients_are_not_divided(tmp_path: Path, by: str) -> None:
    root = plant(tmp_path / "images", *PATIENTS)
    files = [file.relative_to(root).as_posix() for file in sorted(root.rglob("*.png"))]
    (tmp_path / "p.csv").write_text("file,patient\n" + "".join(f"{f},{re.findall(r'p[0-9]+', f)[0]}\n" for f in files))
    given = {"group_by": r"(p\d+)_" if by == "pattern" else str(tmp_path / "p.csv"), "fractions": (0.8, 0.1, 0.1)}
    data = ImageFolder(str(root), **given)
    patients = [{re.findall(r"p\d+", name)[0] for name in part} for part in names(data).values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 40
    assert all(counts[0] >= 6 and counts[1] >= 6 for counts in table(data).values())
    assert sum(table(data)["train"]) / 153 == pytest.approx(0.8, abs=0.03)
    assert "40 groups undivided" in data.described()[2]


@pytest.mark.parametrize(
    ("n", "train", "val"), [(70, 112, 14), (72, 72, 36), (100, 120, 40), (200, 320, 40), (300, 480, 60)]
)
def test_small_folders_keep_enough_to_judge_by(tmp_path: Path, n: int, train: int, val: int) -> None:
    data = ImageFolder(str(plant(tmp_path, f"{{a,b}}/{{1..{n}}}.png")))
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [train, val, val]
    few = "BEWARE: val has 14 images, and certificates take 36"
    assert (data.described()[-1] == few) == (val == 14)


def test_patients_on_two_sides_of_splits_that_are_given_are_counted(tmp_path: Path) -> None:
    root = plant(tmp_path, "train/{a,b}/p{1..10}_{1,2}.png", "{val,test}/{a,b}/q{1..4}_1.png", "test/a/p{1..3}_7.png")
    lines = ImageFolder(str(root), group_by=r"([pq]\d+)_").described()
    assert "7 of the 14 groups, 31 images, are in several splits" in lines[-1] and "groups" not in lines[2]
    assert ImageFolder(str(root), group_by=r"([^/]+/[^/]+/[pq]\d+)_").described()[2].endswith("(39 groups undivided)")


@pytest.mark.parametrize(
    ("group_by", "sentence"),
    [
        (r"person(\d+)_", "gives no group for 153 of the 153 images, first 'ill/p1_9.png'"),
        ("p[0-9]+", "must have one group in brackets.*it has 0"),
        ("(p", "neither a CSV file nor a regular expression"),
        ("nowhere.csv", "nowhere.csv cannot be read as a CSV file"),
        ("(p)", "puts all images into one group, 'p'"),
    ],
)
def test_groups_that_cannot_be_used(tmp_path: Path, group_by: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        ImageFolder(str(plant(tmp_path, *PATIENTS)), group_by=group_by).split("train")


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("a/0.png,p\na/0.png,q", "puts 'a/0.png' into two groups, 'p' and 'q'"),
        ("0.png,p", "'0.png' is the name of several images: give their paths below the root"),
    ],
)
def test_lists_that_may_mean_two_things(tmp_path: Path, rows: str, sentence: str) -> None:
    for label in "ab":
        (tmp_path / "my" / label).mkdir(parents=True)
        for i in range(4):
            Image.new("L", (9, 9), 60 * i).save(tmp_path / "my" / label / f"{i}.png")
    (tmp_path / "groups.csv").write_text(f"file,group\n{rows}\n")
    with pytest.raises(InputError, match=sentence):
        ImageFolder(str(tmp_path / "my"), group_by=str(tmp_path / "groups.csv")).split("train")


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_size_and_channels_are_found(tmp_path: Path, mode: str, channels: int) -> None:
    root = str(write_image_folder(tmp_path, n=40, mode=mode))
    assert ImageFolder(root).shape == (channels, 16, 16)
    assert ImageFolder(root, size=8).shape == (channels, 8, 8)
    assert ImageFolder(root, grey=True).shape == (1, 16, 16)


def test_large_images_are_made_small_and_odd_ones_fit(tmp_path: Path) -> None:
    for name, size in (("large", (300, 200)), ("odd", (31, 29))):
        for label, brightness in (("a", 60), ("b", 190)):
            write_images(tmp_path / name / label, 10, brightness, size)
    assert ImageFolder(str(tmp_path / "large")).shape == (3, 64, 64)
    assert ImageFolder(str(tmp_path / "odd")).shape == (3, 28, 28)


def test_a_grey_jpeg_in_colour_is_grey(tmp_path: Path) -> None:
    for label, brightness in (("a", 60), ("b", 190)):
        write_images(tmp_path / label, 10, brightness, mode="L")
        for file in (tmp_path / label).iterdir():
            Image.open(file).convert("RGB").save(file.with_suffix(".jpg"), quality=70)
    assert ImageFolder(str(tmp_path)).shape[0] == 1


@pytest.mark.parametrize("splits", [True, False])
def test_the_first_images_are_of_all_classes(tmp_path: Path, splits: bool) -> None:
    write_image_folder(tmp_path, splits, n=60)
    first, second = (ImageFolder(str(tmp_path), size=8, predict_limit=12).predict_selection() for _ in range(2))
    assert 2 < first.y.sum() < 10 and torch.equal(first.y, second.y)


@pytest.mark.parametrize(
    ("sizes", "size", "shape", "said"),
    [
        ([(16, 16)], None, (1, 16, 16), "16×16"),
        ([(60, 60)], None, (1, 56, 56), "60×60 → 56×56"),
        ([(224, 224)], None, (1, 64, 64), "224×224 → 64×64"),
        ([(20, 24), (40, 30)], None, (1, 28, 28), "20×24 to 40×30 → 28×28 (cropped, some enlarged)"),
        ([(5, 5)], None, (1, 8, 8), "5×5 → 8×8 (some enlarged)"),
        ([(32, 48)], (32, 48), (1, 32, 48), "32×48"),
        ([(64, 96)], (32, 48), (1, 32, 48), "64×96 → 32×48"),
    ],
)
def test_sizes_that_are_found_or_given(
    tmp_path: Path, sizes: Any, size: Any, shape: tuple[int, ...], said: str
) -> None:
    rng = np.random.default_rng(0)
    for label in "ab":
        (tmp_path / label).mkdir()
        for i in range(6):
            pixels = rng.integers(0, 256, sizes[i % len(sizes)], dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{i}.png")
    data = ImageFolder(str(tmp_path), size=size)
    assert data.shape == shape and data.split("train").__getitems__([0, 1])["x"].shape == (2, *shape)
    assert data.described()[0] == f"12 images in '{tmp_path}', grey 8 bits, {said}"


@pytest.mark.parametrize("size", [(32, 0), (5000, 8), 0, (8.5, 8), (8,), (1, 8, 8), "8", 5000])
def test_sizes_that_cannot_be(tmp_path: Path, size: Any) -> None:
    with pytest.raises(InputError, match=rf"size must be .*; got {re.escape(repr(size))}"):
        ImageFolder(str(tmp_path), size=size)


@pytest.mark.parametrize("size", sorted({suitable(side) for side in range(1, 100)}))
def test_shipped_configs_take_every_size_that_is_found(size: int) -> None:
    shape = (1, size, size)
    CNN(list(shape), 2, widths=[16, 32, 64, 128])
    VelocityUNet(list(shape), WIDTHS["cpu"])
    ConvVAE(list(shape), widths=[32, 64, 128, 256], latent_dim=8)
    if size >= 32:
        Glow(list(shape), num_steps=1, num_scales=3, levels=256)
