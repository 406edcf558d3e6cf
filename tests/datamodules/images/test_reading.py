from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.images.pixels import read_image
from datamodules.images.reading import Reading, levels, nominal
from networks.errors import InputError
from tests.support.formats import array, pillow

RANGES = [
    (0, 255, True, (0, 255)),
    (3, 256, True, (0, 511)),
    (300, 4380, True, (0, 8191)),
    (0, 65535, True, (0, 65535)),
    (-1024, 3071, True, (-1024, 3071)),
    (-2000, 100, True, (-2048, 255)),
    (-128, -1, True, (-128, -1)),
    (0.0, 1.0, False, (0, 1)),
    (-0.04, 1.06, False, (0, 1)),  # what resampling overshoots
    (-1.0, 1.0, False, (-1, 1)),
    (0.0, 254.7, False, (0, 255)),
    (-3.0, 260.0, False, (0, 255)),
    (0.0, 4090.5, False, (0, 4095)),
    (-37.2, 812.9, False, (-64, 959)),
]


@pytest.mark.parametrize(("low", "high", "whole", "wanted"), RANGES)
def test_ranges(low: float, high: float, whole: bool, wanted: tuple[float, float]) -> None:
    assert nominal(low, high, whole) == wanted


def test_levels_are_those_of_the_range() -> None:
    assert [levels((0, most), 1) for most in (1, 255, 256, 4095, 65535, 2**32)] == [256, 256, 512, 4096, 65536, 65536]
    assert levels((0, 65535), 257) == 256 and levels((0, 1), None) == 65536


def test_given_ranges_count_but_not_where_bytes_cannot_reach_them(tmp_path: Path) -> None:
    array(np.full((8, 8), 1024, np.uint16))(tmp_path / "deep.npy")
    pillow(np.full((8, 8), 51, np.uint8))(tmp_path / "bytes.png")

    def read(name: str, **how: tuple[float, float]) -> float:
        return read_image(tmp_path / name, (1, 8, 8), reading=Reading(**how))[0, 0, 0].item()  # type: ignore[arg-type]

    assert read("deep.npy", value_range=(0, 4096)) == pytest.approx(0.25, abs=1e-4)
    assert read("deep.npy", integers=(0, 4095)) == pytest.approx(1024 / 4095, abs=1e-4)
    assert read("deep.npy") == pytest.approx(1024 / 2047, abs=1e-4), "without either, what the file holds"
    assert read("bytes.png", value_range=(0, 4096)) == pytest.approx(0.2), "not black"
    assert read("bytes.png", value_range=(0, 102)) == pytest.approx(0.5, abs=1e-4)


def test_numbers_beyond_what_was_found_are_clipped_and_said_once(tmp_path: Path) -> None:
    array(np.array([[0, 4095, 9000, 40]] * 4, np.uint16))(tmp_path / "x.npy")
    reading = Reading(integers=(0, 4095))
    with pytest.warns(UserWarning, match=r"x.npy holds numbers from 0 to 9000, more than the 0 to 4095 found in other"):
        x = read_image(tmp_path / "x.npy", (1, 4, 4), reading=reading)
    assert x[0, 0].tolist() == pytest.approx([0, 1, 1, 40 / 4095], abs=1e-4)
    assert torch.equal(read_image(tmp_path / "x.npy", (1, 4, 4), reading=reading), x), "in silence"


def test_resizing_neither_overshoots_nor_cuts_to_bytes(tmp_path: Path) -> None:
    steps = np.repeat(np.array([[0.0, 1.0, 0.0, 1.0]]), 16, axis=1).repeat(64, axis=0)
    array(steps)(tmp_path / "x.npy")
    x = read_image(tmp_path / "x.npy", (1, 24, 24))
    assert x.min() == 0 and x.max() == 1 and torch.equal((x * 65535).round() / 65535, x)
    array(np.linspace(0.5, 0.504, 64 * 64).reshape(64, 64))(tmp_path / "flat.npy")
    assert len(read_image(tmp_path / "flat.npy", (1, 32, 32)).unique()) > 100, "two grey values of bytes"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"background": 2.0}, "background must lie in"),
        ({"background": (0.0, 1.0)}, "background must be one number or three"),
        ({"value_range": (3, 3)}, "value_range must be two numbers"),
        ({"value_range": (0, float("nan"))}, "value_range must be two numbers"),
    ],
)
def test_useless_settings(how: dict[str, tuple[float, float]], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Reading(**how)  # type: ignore[arg-type]
