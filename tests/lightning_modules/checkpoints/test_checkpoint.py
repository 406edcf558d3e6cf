from pathlib import Path

import pytest
import torch

from lightning_modules import ClassifierModule, FlowModule, load
from lightning_modules.checkpoints.checkpoint import read
from networks.errors import InputError
from networks.fingerprint import file_fingerprint


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self):
        return (Path.touch, (Path(self.target),))


def test_gives_back_the_trained_weights(in_digits_home: Path) -> None:
    path = "runs/digits/classifier/best.ckpt"
    module = load(path, ClassifierModule)
    saved = torch.load(path, weights_only=True)["state_dict"]
    assert all(torch.equal(v, saved[k]) for k, v in module.state_dict().items())
    assert not module.training


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no checkpoint '.*nowhere.ckpt': train that model first \(python train.py fit"
    ):
        load(tmp_path / "nowhere.ckpt", ClassifierModule)


def test_another_kind_of_module(in_digits_home: Path) -> None:
    with pytest.raises(InputError, match=r"holds lightning_modules.*FlowModule, but a ClassifierModule is needed"):
        load("runs/digits/flow/best.ckpt", ClassifierModule)
    with pytest.raises(InputError, match="but a FlowModule is needed"):
        load("runs/digits/svm/best.ckpt", FlowModule)


def test_code_in_the_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "x": Payload(str(tmp_path / "ran"))}, tmp_path / "evil.ckpt")
    with pytest.raises(InputError, match="is refused: it holds something other than tensors"):
        load(tmp_path / "evil.ckpt", ClassifierModule)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "class_path",
    ["this_package.DoesNotExist", "timm.create_model", "networks.NoSuchNetwork", "networks.no_such_file.CNN"],
)
def test_foreign_class_paths_are_refused(in_digits_home: Path, tmp_path: Path, class_path: str) -> None:
    checkpoint = torch.load("runs/digits/classifier/best.ckpt", weights_only=True)
    checkpoint["hyper_parameters"]["network"]["class_path"] = class_path
    torch.save(checkpoint, tmp_path / "foreign.ckpt")
    with pytest.raises(InputError, match=f"asks for the class '{class_path}', and a checkpoint may name only"):
        load(tmp_path / "foreign.ckpt", ClassifierModule)


def test_weights_of_another_architecture(in_digits_home: Path, tmp_path: Path) -> None:
    checkpoint = torch.load("runs/digits/classifier/best.ckpt", weights_only=True)
    checkpoint["hyper_parameters"]["network"]["init_args"]["widths"] = [8, 8]
    torch.save(checkpoint, tmp_path / "other.ckpt")
    with pytest.raises(InputError, match=r"trained with another architecture: .* in the checkpoint and .* here"):
        load(tmp_path / "other.ckpt", ClassifierModule)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"PK\x03\x04 cut off"])
def test_not_a_checkpoint(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.ckpt").write_bytes(content)
    with pytest.raises(InputError, match=r"x.ckpt' is (not a checkpoint|refused)"):
        read(tmp_path / "x.ckpt")


def test_no_lightning_checkpoint(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "x.ckpt")
    with pytest.raises(InputError, match="not a Lightning checkpoint"):
        read(tmp_path / "x.ckpt")


def test_fingerprint_is_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_fingerprint(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
