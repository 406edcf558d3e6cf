from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules import ImageFolder
from datamodules.folders.inspection import inspect_images
from tests.support.formats import array, dicom, pillow, png16, sixteen, tiff, twelve
from tests.support.trees import write_image_folder


def folder(root: Path, write: object, ending: str, n: int = 20) -> dict[str, np.ndarray]:
    """Two classes of grey noise, dark and bright, as bytes, written by ``write(bytes)(file)``."""
    rng, images = np.random.default_rng(0), {}
    for label, brightness in (("bright", 170), ("dark", 60)):
        (root / label).mkdir(parents=True)
        for i in range(n):
            x = rng.normal(brightness, 30, (16, 16)).clip(0, 255).astype(np.uint8)
            write(x)(root / label / f"{i}{ending}")  # type: ignore[operator]
            images[f"{label}/{i}"] = x
    return images


KINDS = {
    "8 bits": (pillow, ".png", 256, 0.0),
    "12 bits": (lambda x: pillow(twelve(x)), ".png", 4096, 1.3e-4),
    "16 bits": (lambda x: tiff(sixteen(x)), ".tif", 256, 1e-6),
    "floats": (lambda x: array(np.float32(x / 255)), ".npy", 65536, 1e-5),
    "12 bits, inverted, by window": (
        lambda x: dicom(4095 - twelve(x), 16, "MONOCHROME1", WindowCenter=2048, WindowWidth=4096),
        ".dcm",
        4096,
        1.3e-4,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_any_depth_is_read_by_one_range_and_says_its_levels(tmp_path: Path, kind: str) -> None:
    write, ending, levels, precision = KINDS[kind]
    images = folder(tmp_path, write, ending)
    data = ImageFolder(str(tmp_path))
    assert data.levels == levels and data.shape == (1, 16, 16)
    assert f"grey {kind.split(',', maxsplit=1)[0]}" in data.described()[0]
    for name in ("train", "val", "test"):
        split = data.split(name)
        x = split.__getitems__(range(len(split)))["x"]
        wanted = np.stack([images[f"{file.parent.name}/{file.stem}"] for file in split.files]) / 255
        assert (x[:, 0] - torch.from_numpy(wanted)).abs().max() <= precision + 1e-6
        assert torch.equal((x * (levels - 1)).round(), (x * (levels - 1)).round().clamp(0, levels - 1))
        assert ((x * (levels - 1)).round() / (levels - 1) - x).abs().max() < 1e-6


def test_dark_images_stay_dark_beside_bright_ones(tmp_path: Path) -> None:
    folder(tmp_path, lambda x: pillow(twelve(x)), ".png")
    split = ImageFolder(str(tmp_path)).split("train")
    batch = split.__getitems__(range(len(split)))
    means = [batch["x"][batch["y"] == label].mean().item() for label in (0, 1)]
    assert means == pytest.approx([170 / 255, 60 / 255], abs=0.02)


def test_a_given_range_and_background_reach_the_images_and_the_fingerprint(tmp_path: Path) -> None:
    folder(tmp_path, lambda x: pillow(np.dstack([x, np.full_like(x, 128)])), ".png")
    first, second = (ImageFolder(str(tmp_path), background=b) for b in (0.0, 1.0))
    darker, brighter = (data.split("val").__getitems__([0])["x"] for data in (first, second))
    assert (brighter - darker).mean() == pytest.approx(127 / 255, abs=1e-2)
    assert first.split("val").fingerprint() != second.split("val").fingerprint()
    narrow = ImageFolder(str(tmp_path), value_range=(0, 100))
    assert narrow.found.remarks[0] == "numbers from 0 to 100 become intensities from 0 to 1, by value_range"
    assert "40 of 40 files hold numbers beyond that range, which become 0 or 1" in narrow.found.remarks
    assert narrow.split("val").fingerprint() != second.split("val").fingerprint()


def test_mixed_depths_are_each_read_by_their_own_range(tmp_path: Path) -> None:
    writers = {"a.png": pillow, "b.png": lambda x: png16(sixteen(x)[..., None], 0), "c.npy": lambda x: array(x / 255)}
    x = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    for name, write in writers.items():
        write(x)(tmp_path / name)
    found = inspect_images(sorted(tmp_path.iterdir()))
    assert found.kind == "grey 8 bits (1 of 3 files), 16 bits (1 of 3 files), floats (1 of 3 files)"
    assert found.reading.integers == (0, 65535) and found.reading.floats == (0, 1) and found.reading.levels == 65536


def test_what_shows_nearly_nothing_in_its_range_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, low, high in (("bright", 0, 60_000), ("dark", 0, 900), ("middle", 33_069, 36_863)):
        array(rng.integers(low, high, (8, 8)).astype(np.uint16))(tmp_path / f"{name}.npy")
    ranges, faint = inspect_images(sorted(tmp_path.iterdir())).remarks
    assert ranges.startswith("integers from 0 to 65535 become") and faint.startswith("2 of 3 files use less than a")
    (dark,) = inspect_images([tmp_path / "dark.npy"]).remarks
    assert dark == "integers from 0 to 1023 become intensities from 0 to 1, as found: value_range sets another range"


def test_floats_that_overshoot_are_clipped_and_counted(tmp_path: Path) -> None:
    for name, most in (("a", 1.0), ("b", 1.05)):
        array(np.linspace(0, most, 64).reshape(8, 8))(tmp_path / f"{name}.npy")
    remarks = inspect_images(sorted(tmp_path.iterdir())).remarks
    assert remarks[0].startswith("floats from 0 to 1 become")
    assert remarks[1] == "1 of 2 files hold numbers beyond that range, which become 0 or 1"


def test_colour_of_any_depth_is_seen(tmp_path: Path) -> None:
    grey = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    for tint, is_grey in ((2, True), (60, False)):
        x = np.stack([grey, grey.clip(tint) - tint, grey], axis=2).astype(np.uint8)
        for name, write in (("x.png", pillow(x)), ("x.tif", tiff(sixteen(x), photometric="rgb"))):
            write(tmp_path / name)
            assert inspect_images([tmp_path / name]).grey == is_grey


def test_a_folder_of_bytes_is_read_as_ever(tmp_path: Path) -> None:
    data = ImageFolder(str(write_image_folder(tmp_path)), size=8)
    assert data.levels == 256 and data.found.remarks == [] and data.found.kind == "colour 8 bits"
