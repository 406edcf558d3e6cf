import shutil
from pathlib import Path

import pytest
import torch

from datamodules import CelebA
from datamodules.base import SPLITS
from datamodules.folders.attributes import PAPERS
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
    with pytest.raises(InputError, match=r"unknown attribute 'Blonde': choose of 5_o_Clock_Shadow, .*, Young$"):
        CelebA(str(root), attribute="Blonde").split("train")


def test_attribute_that_nobody_has(root: Path) -> None:
    file = root / "celeba" / "list_attr_celeba.txt"
    file.write_text(file.read_text().replace("  1", " -1"))
    with pytest.raises(InputError, match="none of the 36 images of the train split is 'Bald': every split needs"):
        CelebA(str(root), attribute="Bald").split("train")


def test_attributes_stand_in_the_order_asked(root: Path) -> None:
    """Image 1, of index 0, has attribute j where (7·0 + j²) mod 3 = 0."""
    asked = ["Young", "Bald", "5_o_Clock_Shadow", "Blond_Hair"]
    data = CelebA(str(root), size=8, attributes=asked, batch_size=9)
    batch = next(iter(data.test_dataloader()))
    assert list(data.attribute_names) == asked and batch["attributes"].dtype == torch.float32
    numbers = torch.tensor([int(data.split("test").files[i].stem) - 1 for i in batch["index"].tolist()])
    odd = (numbers % 2).float()
    columns = [odd, *(((7 * numbers + j * j) % 3 == 0).float() for j in (4, 0)), odd]
    assert torch.equal(batch["attributes"], torch.stack(columns, 1))


def test_unless_asked_they_are_the_papers(root: Path) -> None:
    data = CelebA(str(root), size=8)
    known = data.split("train").attributes
    assert list(data.attribute_names) == PAPERS and len(PAPERS) == 13 and known.shape == (36, 13)
    assert torch.equal(known[:, PAPERS.index("Blond_Hair")], data.split("train").y.float())
    bare = CelebA(str(root), size=8, attributes=[])
    assert bare.split("train").attributes is None and "attributes" not in next(iter(bare.train_dataloader()))


def test_what_is_explained_keeps_its_attributes(root: Path) -> None:
    data = CelebA(str(root), size=8, attributes=["Bald", "Young"], predict_classes=["Blond_Hair"])
    selected = data.predict_selection()
    assert torch.equal(selected.attributes, data.split("test").attributes[data.split("test").y == 1])
    assert torch.equal(next(iter(data.predict_dataloader()))["attributes"], selected.attributes)
    assert CelebA(str(root), attributes=[]).predict_selection().attributes is None


def test_other_attributes_are_another_split(root: Path) -> None:
    asked: list[list[str]] = [["Bald"], ["Bald"], ["Young"], ["Bald", "Young"], []]
    one, again, *others = (CelebA(str(root), attributes=names).split("val").fingerprint() for names in asked)
    assert one == again and len({one, *others}) == 4


def test_a_misspelt_attribute_is_named(root: Path) -> None:
    with pytest.raises(InputError, match=r"unknown attribute 'Bold', 'young': choose of 5_o_Clock_Shadow, .*, Young$"):
        CelebA(str(root), attributes=["Bold", "Bangs", "young"]).split("train")


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
    known = CelebA(str(root)).split("train").attributes
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
    assert torch.equal(data.split("train").attributes, known)
    assert data.split("val").__getitems__([0])["x"].shape == (1, 3, 16, 16)
