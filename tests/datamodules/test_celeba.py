import shutil
from pathlib import Path

import pytest
import torch

from datamodules import CelebA
from datamodules.base import SPLITS
from networks.errors import InputError
from tests.support.trees import edit, write_celeba


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_celeba(tmp_path)


def test_official_partition(root: Path) -> None:
    data = CelebA(str(root), size=16)
    assert data.class_names == ["not Blond_Hair", "Blond_Hair"] and data.shape == (3, 16, 16)
    assert [len(data.split(s)) for s in ("train", "val", "test")] == [36, 12, 12]
    assert [file.name for file in data.split("test").files[:2]] == ["000005.jpg", "000010.jpg"]
    batch = next(iter(data.test_dataloader()))
    assert batch["x"].shape == (12, 3, 16, 16) and batch["x"].min() >= 0 and batch["x"].max() <= 1
    assert torch.equal((batch["x"].mean((1, 2, 3)) > 0.5).long(), batch["y"]) and batch["y"].sum() == 6


def test_labels_need_no_images(root: Path) -> None:
    for file in (root / "celeba" / "img_align_celeba").iterdir():
        file.write_bytes(b"")
    assert CelebA(str(root)).split("val").y.bincount().tolist() == [6, 6]


def test_unknown_attribute_lists_the_forty(root: Path) -> None:
    with pytest.raises(InputError, match=r"unknown attribute 'Blonde': choose one of 5_o_Clock_Shadow, .*, Young$"):
        CelebA(str(root), attribute="Blonde").split("train")


def test_attribute_that_nobody_has(root: Path) -> None:
    with pytest.raises(InputError, match="none of the 36 images of the train split is 'Bald': every split needs"):
        CelebA(str(root), attribute="Bald").split("train")


@pytest.mark.parametrize("name", ["img_align_celeba", "list_attr_celeba.txt", "list_eval_partition.txt"])
def test_what_is_missing_and_where_to_get_it(root: Path, name: str) -> None:
    (root / "celeba" / name).rename(root / "elsewhere")
    with pytest.raises(InputError, match=rf"no '.*celeba/{name}': pass --data.root .*mmlab.ie.cuhk.edu.hk"):
        CelebA(str(root)).split("train")


def test_missing_images_are_counted_before_training(root: Path) -> None:
    for number in (7, 12, 60):
        (root / "celeba" / "img_align_celeba" / f"{number:06d}.jpg").unlink()
    with pytest.raises(InputError, match=r"missing: 3 of the 60 listed images, first '.*000007.jpg': pass"):
        CelebA(str(root)).split("test")


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("000003.jpg 3\n", r"line 3: expected an image's name and 0 \(train\), 1 \(val\) or 2 \(test\); got '000003"),
        ("000003.jpg\n", "line 3: expected an image's name"),
        ("", "list_attr_celeba.txt and .*_partition.txt differ in 1 of their images, first '000003.jpg': fetch both"),
    ],
)
def test_broken_partition(root: Path, new: str, message: str) -> None:
    edit(root / "celeba" / "list_eval_partition.txt", "000003.jpg 0\n", new)
    with pytest.raises(InputError, match=message):
        CelebA(str(root)).split("train")


def test_kaggles_layout(root: Path) -> None:
    expected = {split: CelebA(str(root), size=16).split(split).y.tolist() for split in SPLITS}
    celeba = root / "celeba"
    (celeba / "img_align_celeba").rename(root / "images")
    (root / "img_align_celeba").mkdir()
    (root / "images").rename(root / "img_align_celeba" / "img_align_celeba")
    _, header, *rows = (celeba / "list_attr_celeba.txt").read_text().splitlines()
    lines = [f"image_id {header}", *rows]
    (root / "list_attr_celeba.csv").write_text("\n".join(",".join(line.split()) for line in lines))
    parts = (celeba / "list_eval_partition.txt").read_text().replace(" ", ",")
    (root / "list_eval_partition.csv").write_text(f"image_id,partition\n{parts}")
    shutil.rmtree(celeba)
    data = CelebA(str(root), size=16)
    assert {split: data.split(split).y.tolist() for split in SPLITS} == expected
    assert data.split("val").__getitems__([0])["x"].shape == (1, 3, 16, 16)
