"""Strokes of known thickness, slant, width and length."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.images import morphology
from datamodules.images.morphology import NAMES, measure, measured
from networks.errors import InputError


def bar(angle: float = 0.0, length: float = 16.0, thickness: float = 3.0, size: int = 28) -> Tensor:
    """A bar that leans so many degrees to the right, its edges anti-aliased, 1×1×H×W."""
    finer = 8
    c = (torch.arange(size * finer) + 0.5) / finer - size / 2
    down, right = torch.meshgrid(c, c, indexing="ij")
    sin, cos = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    ink = ((right * sin - down * cos).abs() <= length / 2) & ((right * cos + down * sin).abs() <= thickness / 2)
    return F.avg_pool2d(ink.float()[None, None], finer)


def found(x: Tensor) -> dict[str, float]:
    return dict(zip(NAMES, measure(x)[0].tolist(), strict=True))


@pytest.mark.parametrize("thickness", [2, 3, 4, 6, 8])
def test_a_bars_thickness_is_its_width(thickness: int) -> None:
    """To half a pixel: two of the four in which a pixel is looked at."""
    of = found(bar(length=20, thickness=thickness))
    assert of["thickness"] == pytest.approx(thickness, abs=0.55)
    assert of["width"] == pytest.approx(0.96 * thickness, abs=0.8) and of["slant"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("angle", [-30, -15, 10, 20, 30])
def test_the_slant_is_the_bars_angle_and_right_is_positive(angle: int) -> None:
    of = found(bar(angle))
    assert of["slant"] == pytest.approx(angle, abs=1.5)
    assert of["thickness"] == pytest.approx(3, abs=0.5), "however it leans"
    assert of["width"] < 4 < 16 * abs(math.sin(math.radians(angle))) + 3, "of the parallelogram, and not of the box"


def test_a_mirror_image_leans_the_other_way() -> None:
    one, other = found(bar(25)), found(bar(25).flip(3))
    assert one["slant"] == pytest.approx(-other["slant"], abs=1e-3) and one["slant"] > 20
    assert one["width"] == pytest.approx(other["width"], abs=0.3)


def test_the_width_is_that_of_nearly_all_the_ink() -> None:
    x = torch.zeros(1, 1, 28, 28)
    x[..., 6:22, 8:18] = 1
    assert found(x)["width"] == pytest.approx(10, abs=0.6)
    x[..., 14, 3:8] = 1  # a spike of three parts in a hundred
    assert found(x)["width"] < 12


@pytest.mark.parametrize("angle", [0, 30, 45, 90])
def test_a_bars_length_is_its_own_whichever_way_it_lies(angle: int) -> None:
    """Both ends are rounded off, in the long one as in the short one."""
    long, short = (found(bar(angle, length, 2.5))["length"] for length in (22, 12))
    assert long - short == pytest.approx(10, rel=0.1)
    assert long == pytest.approx(22 - 2, abs=2)


def test_steps_along_a_skeleton() -> None:
    straight, diagonal, corner = (np.zeros((12, 12), dtype=bool) for _ in range(3))
    straight[4, 1:12] = diagonal[np.arange(1, 12), np.arange(1, 12)] = corner[2, 2:8] = corner[2:8, 7] = True
    assert morphology._length(straight) == morphology._length(straight.T) == 10
    assert morphology._length(diagonal) == pytest.approx(10 * math.sqrt(2))
    assert morphology._length(diagonal[:, ::-1]) == pytest.approx(10 * math.sqrt(2))
    assert morphology._length(corner) == 10, "round the corner, and not through it"


def test_neither_place_nor_brightness_counts() -> None:
    x = bar(15)
    expected = measure(x)
    assert torch.allclose(measure(x.roll((3, -4), (2, 3))), expected, atol=1e-4)
    assert torch.allclose(measure(0.4 * x), expected, atol=1e-4)


def test_an_image_is_measured_as_if_it_were_alone() -> None:
    x, calls = torch.cat([bar(10), bar(-20, 12, 5), torch.zeros(1, 1, 28, 28)]), []
    values = measure(x, lambda: calls.append(1))
    assert values.shape == (3, 4) and values.dtype == torch.float32 and len(calls) == 3
    assert torch.equal(values[1:2], measure(x[1:2]))
    assert values[:2].isfinite().all() and values[2].isnan().all(), "where nothing is drawn"
    assert measure(torch.full((1, 1, 28, 28), 0.05)).isnan().all() and measure(x[:0]).shape == (0, 4)


@pytest.mark.parametrize("shape", [(2, 3, 28, 28), (2, 28, 28)])
def test_strokes_have_one_channel(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=rf"one channel, N×1×H×W; got \({', '.join(map(str, shape))}\)"):
        measure(torch.rand(shape))


def test_what_is_measured_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    images = (255 * torch.cat([bar(10), bar(-20)])[:, 0]).round().byte()
    first = measured(images)
    assert torch.equal(first, measure(images[:, None].float() / 255))
    (file,) = tmp_path.rglob("*.npy")
    with monkeypatch.context() as patch:
        patch.setattr(morphology, "measure", lambda *_: pytest.fail("measured again"))
        assert torch.equal(measured(images), first)
    assert not torch.equal(measured(images.flip(0)), first) and len(list(tmp_path.rglob("*.npy"))) == 2
    for torn in (b"", file.read_bytes()[:-5], b"no array"):
        file.write_bytes(torn)
        assert torch.equal(measured(images), first)


def test_a_home_that_cannot_be_written_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert measured((255 * bar()[:, 0]).byte()).shape == (1, 4)
