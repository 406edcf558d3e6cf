"""Files of weights for timm, crafted or damaged: one sentence, and nothing runs."""

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from networks import InputError, TimmModel
from tests.hostile.checkpoints import Runs, touch
from tests.hostile.conftest import one_sentence, untouched
from tests.hostile.watch import watched


def safetensors(header: object, data: bytes = b"\0" * 16, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(begin: int, end: int, shape: list[int]) -> dict[str, object]:
    return {"x": {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}}


def pickled(file: Path, canary: Path) -> None:
    torch.save({"state_dict": Runs(os.system, touch(canary))}, file)


WEIGHTS: dict[str, tuple[str, Callable[[Path, Path], object]]] = {
    "pickle": ("w.pth", pickled),
    "pickle-named-safetensors": ("w.safetensors", pickled),
    "raw-pickle": ("w.pth", lambda f, c: f.write_bytes(pickle.dumps(Runs(os.system, touch(c))))),
    "legacy-pickle": (
        "w.pt",
        lambda f, c: torch.save(Runs(os.system, touch(c)), f, _use_new_zipfile_serialization=False),
    ),
    "object-array": ("w.npz", lambda f, c: np.savez(f, x=np.array([Runs(os.system, touch(c))], dtype=object))),
    "object-npy": ("w.npy", lambda f, c: np.save(f, np.array([Runs(os.system, touch(c))], dtype=object))),
    "other-weights": ("w.pth", lambda f, c: torch.save({"a": torch.ones(2)}, f)),
    "text-for-tensors": ("w.pth", lambda f, c: torch.save({"conv1.weight": "x"}, f)),
    "list": ("w.pth", lambda f, c: torch.save([1, 2], f)),
    "header-endless": ("w.safetensors", lambda f, c: f.write_bytes(safetensors({}, length=2**62))),
    "header-text": ("w.safetensors", lambda f, c: f.write_bytes(safetensors(b"not json"))),
    "offsets-outside": ("w.safetensors", lambda f, c: f.write_bytes(safetensors(entry(0, 2**40, [2**38])))),
    "offsets-negative": ("w.safetensors", lambda f, c: f.write_bytes(safetensors(entry(-8, 8, [4])))),
    "shape-lies": ("w.safetensors", lambda f, c: f.write_bytes(safetensors(entry(0, 16, [2**40])))),
    "empty": ("w.pth", lambda f, c: f.touch()),
    "empty-safetensors": ("w.safetensors", lambda f, c: f.touch()),
    "folder": ("w.pth", lambda f, c: f.mkdir()),
    "none": ("w.pth", lambda f, c: None),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_refused(case: str, home: Path) -> None:
    name, write = WEIGHTS[case]
    write(home / name, home / "canary")
    with watched() as seen, pytest.raises(InputError) as caught:
        TimmModel("resnet10t", num_classes=2, in_chans=1, weights=str(home / name))
    assert one_sentence(caught.value) and name in str(caught.value), str(caught.value)
    assert not seen and untouched(home)
