from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from callbacks import FirstLook
from callbacks.training import first_look as module
from datamodules import Digits, ImageFolder
from datamodules.base import DataModule
from datamodules.images import file_split
from networks.errors import InputError
from tests.support.trees import plant


def look(data: DataModule, stage: str = "fit", rank: int = 0, ranks: int = 1, batches: float = 1.0) -> None:
    trainer: Any = SimpleNamespace(
        datamodule=data, is_global_zero=rank == 0, global_rank=rank, world_size=ranks, limit_train_batches=batches
    )
    FirstLook().setup(trainer, None, stage)  # type: ignore[arg-type]


def test_what_is_said_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, "Training/{cat,dog}/{1..9}.png", "Testing/{cat,dog}/{1..4}.png", "Training/cat/{1,2}.xyz")
    look(ImageFolder(str(tmp_path)))
    what, *more = capsys.readouterr().out.splitlines()
    assert what.startswith("ImageFolder: 26 ")
    assert more == [
        "  2 classes: cat 13, dog 13",
        "  splits: train 16, val 2, test 8 (val cut from train by seed 0, every class in its share)",
        "  2 files skipped (2 .xyz); 'Training' is train, 'Testing' is test",
        "  BEWARE: val has 2 images, and certificates take 36",
    ]


def test_other_data_sets_are_described_too(capsys: pytest.CaptureFixture[str]) -> None:
    look(Digits(), "predict")
    assert capsys.readouterr().out.splitlines() == [
        "Digits: 1,797 samples of 1×8×8, 17 grey values",
        "  10 classes: 0 178, 1 182, 2 177, 3 183, 4 181, 5 182, 6 181, 7 179, 8 174, 9 180",
        "  splits: train 1,078, val 270, test 449",
    ]
    look(Digits(), "predict", rank=1)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("whole", [True, False])
def test_broken_files_are_all_named_before_a_training_without_whole_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    plant(tmp_path, "{train,val,test}/{a,b}/{1..8}.png")
    broken = [tmp_path / "test/a/3.png", tmp_path / "val/b/4.png"]
    for file in broken:
        file.write_bytes(file.read_bytes()[:60] if whole else b"no image")
    monkeypatch.setattr(module, "PATIENCE", 60.0 if whole else 0.0)
    data = ImageFolder(str(tmp_path), size=8, grey=True)
    look(data, "predict")
    with pytest.raises(InputError) as error:
        look(data, batches=1)
    assert all(f"{file} cannot be read as an image" in str(error.value) for file in broken)
    told = []
    for rank in range(3):
        try:
            look(data, rank=rank, ranks=3, batches=1)
        except InputError as ranks_own:
            told.append(str(ranks_own))
    assert all(sum(f"{file} cannot" in sentence for sentence in told) == 1 for file in broken)
    for file in (tmp_path / "train").rglob("*.png"):
        file.write_bytes(b"no image")
    with pytest.raises(InputError, match="- and 13 more"):
        look(data, batches=1)


def test_before_a_training_images_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, "{train,val,test}/{a,b}/{1..8}.png")
    data = ImageFolder(str(tmp_path), size=8)
    train = data.split("train")
    before = train.__getitems__([3, 1])["x"]
    look(data, "predict")
    assert train.bytes is None
    look(data)
    assert (
        torch.equal(train.__getitems__([3, 1])["x"], before) and len(train.bytes) == len(data.split("val").bytes) == 16
    )
    assert data.split("test").bytes is None
    monkeypatch.setattr(file_split, "_bytes", lambda *args: pytest.fail("decoded again"))
    again = ImageFolder(str(tmp_path), size=8)
    look(again)
    assert torch.equal(again.split("train").__getitems__([3, 1])["x"], before)


def test_files_that_cannot_be_decoded_are_all_named(tmp_path: Path) -> None:
    plant(tmp_path, "{train,val,test}/{a,b}/{1..8}.png")
    data = ImageFolder(str(tmp_path), size=8, grey=True)  # which looks at some of train itself
    broken = [tmp_path / f"{split}/a/{i}.png" for i, split in enumerate(("train", "val", "test"), 1)]
    for file in broken:
        file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(InputError) as error:
        look(data)
    assert all(f"{file} cannot be read as an image" in str(error.value) for file in broken)
    for file in broken:
        plant(tmp_path, str(file.relative_to(tmp_path)))
    look(ImageFolder(str(tmp_path), size=8, grey=True))
