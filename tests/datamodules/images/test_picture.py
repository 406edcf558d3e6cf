from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.folders.inspection import inspect_images
from datamodules.images.dicom import _window
from datamodules.images.picture import picture
from datamodules.images.pixels import read_image
from networks.errors import InputError
from tests.support.formats import (
    COLOURS,
    GREYS,
    HEIGHT,
    SEE_THROUGH,
    WIDTH,
    C,
    G,
    array,
    dicom,
    exif,
    pillow,
    sixteen,
    tiff,
    twelve,
    veiled,
)


@pytest.mark.parametrize(
    ("channels", "name"),
    [*((1, name) for name in GREYS), *((3, name) for name in COLOURS)],
    ids=str,
)
def test_the_same_picture_in_any_file_is_the_same_tensor(tmp_path: Path, channels: int, name: str) -> None:
    write, precision = (GREYS if channels == 1 else COLOURS)[name]
    write(tmp_path / name)
    pillow(G if channels == 1 else C)(tmp_path / "reference.png")
    found = inspect_images([tmp_path / name])
    assert found.grey == (channels == 1) and found.size == 32 and found.sizes == [(HEIGHT, WIDTH)]
    for shape, rounded in (((channels, HEIGHT, WIDTH), 0), ((channels, 24, 24), 1 / 255)):  # bytes are resized as bytes
        x = read_image(tmp_path / name, shape, reading=found.reading)
        assert x.shape == shape and x.dtype == torch.float32 and x.min() >= 0 and x.max() <= 1
        assert (x - read_image(tmp_path / "reference.png", shape)).abs().max() <= precision + rounded


@pytest.mark.parametrize("name", SEE_THROUGH)
def test_transparency_shows_the_background(tmp_path: Path, name: str) -> None:
    write, x, alpha = SEE_THROUGH[name]
    write(tmp_path / name)
    channels = 1 if x.ndim == 2 else 3
    for background in (1.0, 0.0):
        found = inspect_images([tmp_path / name], background)
        assert f"1 of 1 files are transparent: they lie on background {background}" in found.remarks
        read = read_image(tmp_path / name, (channels, HEIGHT, WIDTH), reading=found.reading)
        wanted = veiled(x, alpha, background * 255).reshape(HEIGHT, WIDTH, channels) / 255
        assert np.abs(read.permute(1, 2, 0).numpy() - wanted).max() <= 0.501 / 255


def test_a_background_of_colour(tmp_path: Path) -> None:
    pillow(np.dstack([G, np.zeros_like(G)]))(tmp_path / "x.png")
    found = inspect_images([tmp_path / "x.png"], (1.0, 0.2, 0.0))
    assert not found.grey
    x = read_image(tmp_path / "x.png", (3, 8, 8), reading=found.reading)
    assert torch.equal(x, torch.tensor([1.0, 51 / 255, 0.0]).view(3, 1, 1).expand(3, 8, 8))


def test_windows_clip_and_value_range_replaces_them(tmp_path: Path) -> None:
    stored = np.array([[0, 840, 1040, 1240, 4000]] * 5, np.uint16)
    units, file = {"RescaleSlope": 1, "RescaleIntercept": -1000}, tmp_path / "x.dcm"
    dicom(stored, 12, **units, WindowCenter=40.5, WindowWidth=401)(file)
    windowed = inspect_images([file])
    assert windowed.remarks[0] == "1 of 1 files are read through the window that they name"
    x = read_image(file, (1, 5, 5), reading=windowed.reading)[0, 0]
    assert x.tolist() == pytest.approx([0, 0, 0.5, 1, 1], abs=3e-3)
    given = inspect_images([file], value_range=(-1000, 3000))
    x = read_image(file, (1, 5, 5), reading=given.reading)[0, 0]
    assert x.tolist() == pytest.approx([0, 0.21, 0.26, 0.31, 1], abs=3e-3)
    dicom(stored, 12, **units)(file)
    assert inspect_images([file]).reading.integers == (-1024, 3071)


def test_a_window_far_from_all_numbers_is_said(tmp_path: Path) -> None:
    dicom(G.astype(np.uint16) + 12_000, WindowCenter=3174, WindowWidth=2426)(tmp_path / "x.dcm")
    window, faint = inspect_images([tmp_path / "x.dcm"]).remarks
    assert "window" in window and faint.startswith("1 of 1 files use less than a sixteenth of their range")


@pytest.mark.parametrize("kind", ["MONOCHROME2", "MONOCHROME1"])
def test_padding_is_black_and_not_a_part_of_the_range(tmp_path: Path, kind: str) -> None:
    units = np.where(np.arange(WIDTH) < 5, -2000, G.astype(np.int16) * 8)
    dicom(units.astype(np.int16), kind=kind, PixelPaddingValue=-2000)(tmp_path / "x.dcm")
    reading = inspect_images([tmp_path / "x.dcm"]).reading
    x = read_image(tmp_path / "x.dcm", (1, HEIGHT, WIDTH), reading=reading)[0].numpy()
    assert reading.integers == (0, 2047) and x[:, :5].max() < 0.05
    seen = G[:, 5:] * 8.0 / 2047
    assert np.abs(x[:, 5:] - (1 - seen if kind == "MONOCHROME1" else seen)).max() < 1e-3


def test_sigmoid_windows(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(0, 4096, 64, dtype=np.uint16), (64, 1))
    dicom(ramp, 12, VOILUTFunction="SIGMOID", WindowCenter=2048, WindowWidth=1024)(tmp_path / "x.dcm")
    x = read_image(tmp_path / "x.dcm", (1, 64, 64))[0, 0]
    assert (x - torch.sigmoid((torch.arange(0, 4096, 64) - 2048) / 256)).abs().max() < 1e-5


SEVERAL = {
    "x.gif": pillow(G, save_all=True, append_images=[Image.fromarray(255 - G)]),
    "x.webp": pillow(G, save_all=True, append_images=[Image.fromarray(255 - G)], lossless=True),
    "x.png": pillow(G, save_all=True, append_images=[Image.fromarray(255 - G)]),
    "x.tif": tiff(np.stack([G, 255 - G]), photometric="minisblack"),
    "deep.tif": tiff(np.stack([C, 255 - C]).astype(np.uint16) * 257, photometric="rgb"),
    "x.dcm": dicom(np.stack([G, 255 - G])),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_the_first_of_several_pictures_is_read_and_that_is_said(tmp_path: Path, name: str) -> None:
    SEVERAL[name](tmp_path / name)
    found = inspect_images([tmp_path / name])
    assert "1 of 1 files hold several pictures: the first is read" in found.remarks
    x = read_image(tmp_path / name, (1, HEIGHT, WIDTH), reading=found.reading)
    first = G / 255 if name != "deep.tif" else C @ np.array([0.299, 0.587, 0.114]) / 255
    assert (x[0] - torch.from_numpy(first)).abs().max() < 1 / 255


NAN = np.where(np.arange(WIDTH) == 3, np.nan, G).astype(np.float32)
REFUSED = {
    "nan.npy": (array(NAN), "it holds NaN, infinity"),
    "nan.tif": (tiff(NAN), "it holds NaN, infinity"),
    "infinite.npy": (array(np.where(np.isnan(NAN), -np.inf, NAN)), "it holds NaN, infinity"),
    "nodata.tif": (tiff(np.where(np.isnan(NAN), -3.4e38, NAN)), "numbers above 1e"),
    "objects.npy": (array(np.array([{}, 2], dtype=object)), "Python objects"),
    "fields.npy": (array(np.zeros(3, dtype=[("a", "u1")])), "not integers or floats"),
    "complex.npy": (array(G + 1j), "complex128, not integers or floats"),
    "words.npy": (array(np.array([["a"]])), "not integers or floats"),
    "batch.npy": (array(np.stack([C, C])), "its shape 2×36×48×3 is neither"),
    "stack.npy": (array(np.stack([G] * 7)), "its shape 7×36×48 is neither"),
    "either.npy": (array(C[:3]), "its shape 3×48×3 is either H×W×C or C×H×W"),
    "number.npy": (array(np.array(3)), r"its shape \(\) is neither"),
    "nothing.npy": (array(np.zeros((0, 8))), "it has 8×0 pixels"),
    "report.dcm": (dicom(G, Rows=0), "it has 48×0 pixels"),
    "bands.tif": (tiff(np.stack([G] * 5), photometric="minisblack", planarconfig="separate"), "cannot identify"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused_by_name(tmp_path: Path, name: str) -> None:
    write, why = REFUSED[name]
    write(tmp_path / name)
    for read in (lambda file: inspect_images([file]), lambda file: read_image(file, (1, 8, 8))):
        with pytest.raises(InputError, match=f"{tmp_path / name} cannot be read as an image: .*{why}"):
            read(tmp_path / name)


def test_large_jpegs_are_unpacked_in_part_and_look_the_same(tmp_path: Path) -> None:
    """As large photographs are: smooth, on their side, eight times as large as what is wanted."""
    y, x = np.mgrid[:1024, :1536] / 1024
    photograph = np.stack([np.sin(9 * x) * np.cos(7 * y), np.sin(30 * x * y), x - y], axis=2)
    pixels = ((photograph + 1) * 127).clip(0, 255).astype(np.uint8)
    exif(pixels, 6, quality=95)(tmp_path / "large.jpg")
    assert picture(tmp_path / "large.jpg", side=32).values.shape == (128, 192, 3)
    assert inspect_images([tmp_path / "large.jpg"]).sizes == [(1024, 1536)]
    pillow(pixels)(tmp_path / "whole.png")
    part, whole = (read_image(tmp_path / name, (3, 32, 32)) for name in ("large.jpg", "whole.png"))
    assert (part - whole).abs().max() < 4 / 255 and (part - whole).abs().mean() < 0.5 / 255


@pytest.mark.parametrize("data", [b"Exif\0\0Exif\0\0II*\0", b"Exif\0\0", b"Exif\0\0MM\0*" + b"\xff" * 40])
def test_broken_metadata_do_not_keep_a_picture_from_being_read(tmp_path: Path, data: bytes) -> None:
    pillow(G, exif=data, quality=98)(tmp_path / "x.jpg")
    assert (read_image(tmp_path / "x.jpg", (1, HEIGHT, WIDTH)) * 255 - torch.from_numpy(G)).abs().max() <= 3


def test_the_copies_in_a_telephones_photograph_are_no_pictures(tmp_path: Path) -> None:
    pillow(G, format="MPO", save_all=True, append_images=[Image.fromarray(G[:9, :9])], quality=98)(tmp_path / "x.jpg")
    assert inspect_images([tmp_path / "x.jpg"]).remarks == []
    file = tmp_path / "cut.jpg"
    file.write_bytes((tmp_path / "x.jpg").read_bytes()[:-300])
    for name in ("x.jpg", "cut.jpg"):
        assert (read_image(tmp_path / name, (1, HEIGHT, WIDTH)) * 255 - torch.from_numpy(G)).abs().max() <= 3


def test_what_pillow_cuts_to_bytes_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.ppm").write_bytes(
        f"P6 # wide\n{WIDTH} {HEIGHT}\n4095\n".encode() + twelve(C).astype(">u2").tobytes()
    )
    pillow(sixteen(G))(tmp_path / "x.jp2")
    pillow(C)(tmp_path / "x.avif")
    said = {file.name: inspect_images([file]).remarks for file in tmp_path.iterdir()}
    assert said["x.ppm"] == ["1 of 1 files have more than 8 bits a colour, of which 8 are read"]
    assert said["x.jp2"][0].startswith("integers from 0 to 65535") and said["x.avif"] == []
    assert (
        read_image(tmp_path / "x.ppm", (3, HEIGHT, WIDTH)).permute(1, 2, 0) - torch.from_numpy(C / 255)
    ).abs().max() < 0.003


def test_ten_bits_of_a_pgm(tmp_path: Path) -> None:
    values = (G.astype(np.uint16) * 4 + 3).astype(">u2")
    (tmp_path / "x.pgm").write_bytes(f"P5 {WIDTH} {HEIGHT} 1023\n".encode() + values.tobytes())
    x = read_image(tmp_path / "x.pgm", (1, HEIGHT, WIDTH))
    assert (x[0] - torch.from_numpy((G * 4.0 + 3) / 1023)).abs().max() < 1e-4


def test_a_window_may_be_centred_on_zero() -> None:
    assert _window({"WindowCenter": 0.0, "WindowWidth": 400}) == (-200, 199)
    assert _window({"WindowCenter": [0, 40], "WindowWidth": [0, 81]}) == (-0.5, 79.5)
    assert _window({"WindowCenter": "", "WindowWidth": 400}) is _window({}) is None
