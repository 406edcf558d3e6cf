from pathlib import Path

import pytest
import torch

from datamodules import CelebAHQ
from networks.errors import InputError
from tests.support.trees import edit, write_celeba_hq


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_celeba_hq(tmp_path)


def test_split_by_seed(root: Path) -> None:
    data = CelebAHQ(str(root), size=16, fractions=(0.5, 0.25, 0.25))
    assert data.class_names == ["not Blond_Hair", "Blond_Hair"] and data.shape == (3, 16, 16)
    files = {name: data.split(name).files for name in ("train", "val", "test")}
    assert [len(part) for part in files.values()] == [30, 15, 15]
    assert len({file for part in files.values() for file in part}) == 60
    again, other = (CelebAHQ(str(root), seed=s, fractions=(0.5, 0.25, 0.25)).split("test").files for s in (0, 1))
    assert files["test"] == again != other


def test_labels_belong_to_their_images(root: Path) -> None:
    batch = next(iter(CelebAHQ(str(root), size=16).train_dataloader()))
    assert torch.equal((batch["x"].mean((1, 2, 3)) > 0.5).long(), batch["y"])


def test_unknown_attribute(root: Path) -> None:
    with pytest.raises(InputError, match=r"unknown attribute 'Happy': choose of .*Smiling"):
        CelebAHQ(str(root), attribute="Happy").split("train")


def test_attributes_belong_to_their_images(root: Path) -> None:
    data = CelebAHQ(str(root), size=8, attributes=["Bald", "Male"])
    batch = next(iter(data.train_dataloader()))
    numbers = torch.tensor([int(data.split("train").files[i].stem) for i in batch["index"].tolist()])
    expected = torch.stack([(7 * numbers + 16) % 3 == 0, numbers % 2 == 1], 1).float()
    assert torch.equal(batch["attributes"], expected)
    prints = {CelebAHQ(str(root), attributes=a).split("val").fingerprint() for a in (None, [], ["Bald"], ["Male"])}
    assert len(prints) == 4 and CelebAHQ(str(root)).split("test").attributes.shape == (6, 13)
    with pytest.raises(InputError, match="unknown attribute 'male': choose of"):
        CelebAHQ(str(root), attributes=["male"]).split("train")


@pytest.mark.parametrize("name", ["CelebA-HQ-img", "CelebAMask-HQ-attribute-anno.txt"])
def test_what_is_missing_and_where_to_get_it(root: Path, name: str) -> None:
    (root / name).rename(root / "elsewhere")
    with pytest.raises(InputError, match=rf"no '.*{name}': .*https://github.com/switchablenorms/CelebAMask-HQ"):
        CelebAHQ(str(root)).split("train")


def test_missing_images(root: Path) -> None:
    (root / "CelebA-HQ-img" / "17.jpg").unlink()
    with pytest.raises(InputError, match=r"missing: 1 of the 60 listed images, first '.*/17.jpg'"):
        CelebAHQ(str(root)).split("train")


def test_malformed_line(root: Path) -> None:
    edit(root / "CelebAMask-HQ-attribute-anno.txt", "\n17.jpg  -1", "\n17.jpg")
    with pytest.raises(InputError, match=r"line 20: expected an image's name and 40 times 1 or -1"):
        CelebAHQ(str(root)).split("train")


def test_fractions(root: Path) -> None:
    with pytest.raises(InputError, match="add up to 1"):
        CelebAHQ(str(root), fractions=(0.5, 0.5, 0.5)).split("train")
    with pytest.raises(InputError, match="images of the val split is"):
        CelebAHQ(str(root), fractions=(0.98, 0.01, 0.01)).split("train")
