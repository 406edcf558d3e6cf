from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules import ImageFolder
from datamodules.pixels import read_image
from networks.errors import InputError
from tests.trees import write_image_folder, write_images


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
    for file in (tmp_path / "dark").iterdir():
        file.write_bytes(file.read_bytes()[:60])
    data = ImageFolder(str(tmp_path), size=8, grey=False, num_workers=workers, batch_size=100)
    with pytest.raises(InputError, match=r"dark/\d+\.(png|jpg) cannot be read as an image: remove or replace it"):
        list(data.train_dataloader())
    with pytest.raises(InputError, match=r"dark/\d+\.(png|jpg) cannot be read as an image"):
        ImageFolder(str(tmp_path))


def test_half_a_split_and_differing_classes(tmp_path: Path) -> None:
    write_image_folder(tmp_path / "train")
    with pytest.raises(InputError, match=r"has \['train'\] but no \['val', 'test'\]"):
        ImageFolder(str(tmp_path))
    write_image_folder(tmp_path / "val")
    write_images(tmp_path / "test" / "dark", 3, 60)
    write_images(tmp_path / "test" / "grey", 3, 120)
    with pytest.raises(InputError, match=r"holds the classes \['dark', 'grey'\], train holds \['bright', 'dark'\]"):
        ImageFolder(str(tmp_path)).split("test")


def test_too_few_for_the_fractions(tmp_path: Path) -> None:
    write_image_folder(tmp_path, n=2)
    with pytest.raises(InputError, match=r"4 images in .* leave none for (val|test)"):
        ImageFolder(str(tmp_path)).split("val")


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
