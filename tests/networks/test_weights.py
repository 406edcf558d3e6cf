from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from networks.weights import no_weights, weights_hash


def test_weights_are_told_apart() -> None:
    a, b = nn.Linear(3, 2), nn.Linear(3, 2)
    assert weights_hash(a) != weights_hash(b)
    b.load_state_dict(a.state_dict())
    assert weights_hash(a) == weights_hash(b)
    assert weights_hash(nn.Linear(3, 2).to(torch.bfloat16)) != weights_hash(a)


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "it is a pointer of Git LFS"),
        (b"\n<!DOCTYPE html><html>", "it is a web page"),
        (b"", "it is empty"),
        (b"epoch 3\nloss 0.1\n", "it is a text"),
    ],
)
def test_what_is_no_weights_at_all(held: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(held)
    assert str(no_weights(tmp_path / "w.pth")).startswith(reason)


def test_weights_are_not_taken_for_something_else(tmp_path: Path) -> None:
    weights = {"w": torch.zeros(2)}
    torch.save(weights, tmp_path / "zip.pth")
    torch.save(weights, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file(weights, tmp_path / "w.safetensors")
    assert [no_weights(tmp_path / name) for name in ("zip.pth", "old.pth", "w.safetensors")] == [None] * 3
    assert no_weights(tmp_path) == "it is a folder: name the file in it"
    assert no_weights(tmp_path / "none.pth") == "there is no such file"
