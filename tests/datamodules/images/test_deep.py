import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.folders.inspection import inspect_images
from datamodules.images.deep import TURNS
from datamodules.images.picture import picture
from datamodules.images.pixels import read_image
from networks.errors import InputError
from tests.support.formats import HEIGHT, WIDTH, C, G, dicom, pillow, png16, sixteen, tiff, with_exif

KINDS = ["i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite", "rgb"])
def test_numbers_of_every_type_and_order_in_tiff(tmp_path: Path, photometric: str, order: str) -> None:
    for kind, compression, tile in product(KINDS, (None, "zlib"), (None, (16, 16))):
        x = (C if photometric == "rgb" else G) // 2
        x = (x / 256 if kind[0] == "f" else x.astype(np.int64) - 60 * (kind[0] == "i")).astype(kind)
        tiff(x, byteorder=order, photometric=photometric, compression=compression, tile=tile)(tmp_path / "x.tif")
        found = picture(tmp_path / "x.tif")
        assert found.inverted == (photometric == "miniswhite")
        assert np.array_equal(found.values.astype(np.float64).squeeze(), x.astype(np.float64) + 128 * (kind == "i1"))


def test_without_tifffile_what_is_lost_is_said_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiff(sixteen(C), photometric="rgb")(tmp_path / "colours.tif")
    tiff(G.astype(np.int32), byteorder=">", compression="zlib")(tmp_path / "order.tif")
    tiff(G / 255)(tmp_path / "double.tif")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    found = inspect_images([tmp_path / "colours.tif"])
    assert found.remarks == ["1 of 1 files have more than 8 bits a colour, of which 8 are read"]
    x = read_image(tmp_path / "colours.tif", (3, HEIGHT, WIDTH), reading=found.reading)
    assert torch.equal((255 * x).round().permute(1, 2, 0), torch.from_numpy(C).float())
    for name in ("order", "double"):
        with pytest.raises(InputError, match=rf"{name}.tif cannot be read .*pip install 'onmanifold\[tiff\]'"):
            inspect_images([tmp_path / f"{name}.tif"])


def test_without_pydicom_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dicom(G)(tmp_path / "x.dcm")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(InputError, match=r"DICOM files are read by pydicom: pip install 'onmanifold\[dicom\]'"):
        read_image(tmp_path / "x.dcm", (1, 8, 8))


@pytest.mark.parametrize("kind", [2, 4, 6])
def test_all_filters_of_deep_png(tmp_path: Path, kind: int) -> None:
    """Against the definition: each line is predicted from the pixel to the left and the line above."""
    colours = {2: 3, 4: 2, 6: 4}[kind]
    lines = np.random.default_rng(0).integers(0, 65536, (10, 7, colours)).astype(np.uint16)
    filters = [0, 1, 2, 3, 4] * 2
    png16(lines, kind, filters=filters)(tmp_path / "x.png")
    found = picture(tmp_path / "x.png")
    wanted = unfiltered(lines.astype(">u2").view(np.uint8).reshape(10, -1), filters, 2 * colours)
    wanted = wanted.reshape(10, 7, 2 * colours).view(">u2")
    shown = wanted if kind == 2 else wanted[..., :-1]
    assert np.array_equal(found.values, shown)
    if kind != 2:
        assert found.alpha is not None and np.allclose(found.alpha * 65535, wanted[..., -1], atol=0.01)


def unfiltered(lines: np.ndarray, filters: list[int], step: int) -> np.ndarray:
    out = np.zeros((len(lines) + 1, lines.shape[1] + step), int)
    for y, x in np.ndindex(*lines.shape):
        a, b, c = out[y + 1, x], out[y, x + step], out[y, x]
        paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
        out[y + 1, x + step] = (int(lines[y, x]) + (0, a, b, (a + b) // 2, paeth)[filters[y]]) % 256
    return out[1:, step:].astype(np.uint8)


@pytest.mark.parametrize("number", TURNS)
def test_turns_are_those_of_exif(tmp_path: Path, number: int) -> None:
    image, tag = with_exif(G, number)
    pillow(image, exif=tag)(tmp_path / "x.png")
    assert np.array_equal(picture(tmp_path / "x.png").values[..., 0], G)
    assert not np.array_equal(np.asarray(image), G)
