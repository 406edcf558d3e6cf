"""Image files, forged or damaged: read, or refused in one sentence, without taking memory or running anything."""

import random
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image
from pydicom import uid

from datamodules.folders.inspection import inspect_images
from datamodules.images.pixels import read_image
from networks.errors import InputError
from tests.hostile.conftest import one_sentence, untouched
from tests.hostile.watch import watched
from tests.support.formats import COLOURS, GREYS, SEE_THROUGH, G, dicom


def npy(shape: str, kind: str = "'<f4'", data: bytes = b"") -> Callable[[Path], object]:
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return lambda file: file.write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + data)


def dicom_with(**tags: Any) -> Callable[[Path], object]:
    return dicom(G, **tags)


def in_syntax(syntax: str, data: bytes = b"\xff\xd8\xff" + b"x" * 100) -> Callable[[Path], object]:
    def write(file: Path) -> None:
        dicom(G)(file)
        dataset = pydicom.dcmread(file)
        dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
        if syntax != uid.DeflatedExplicitVRLittleEndian:
            dataset.PixelData = pydicom.encaps.encapsulate([data])
            dataset["PixelData"].is_undefined_length = True
        dataset.save_as(file)

    return write


def inflating_tiff(file: Path) -> None:
    """64×64 colours of 16 bits, whose strip unpacks to 64 megabytes."""
    strip = zlib.compress(bytes(1 << 26), 9)
    tifffile.imwrite(file, np.zeros((64, 64, 3), np.uint16), photometric="rgb", compression="zlib", rowsperstrip=64)
    data = bytearray(file.read_bytes())
    with tifffile.TiffFile(file) as opened:
        tags: Any = opened.pages[0].tags  # type: ignore[union-attr]
        for number, value in ((279, len(strip)), (273, len(data))):
            struct.pack_into("<I", data, tags[number].valueoffset, value)
    file.write_bytes(bytes(data) + strip)


def inflating_png(file: Path) -> None:
    """64×64 colours of 16 bits, whose lines unpack to 64 megabytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 16, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1 << 26), 9)) + chunk(b"IEND", b"")
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body)


def large_tiff(file: Path) -> None:
    tifffile.imwrite(file, np.zeros((8, 8, 3), np.float64), photometric="rgb")
    data = bytearray(file.read_bytes())
    with tifffile.TiffFile(file) as opened:
        tags: Any = opened.pages[0].tags  # type: ignore[union-attr]
        for number in (256, 257):
            struct.pack_into("<I" if tags[number].dtype == 4 else "<H", data, tags[number].valueoffset, 60_000)
    file.write_bytes(data)


def many_frames(file: Path) -> None:
    frames = [Image.fromarray(np.full((8, 8), n % 256, np.uint8)) for n in range(2000)]
    frames[0].save(file, save_all=True, append_images=frames[1:])


FORGED: dict[str, Callable[[Path], object]] = {
    "huge.npy": npy("(1000000000, 1000000000)"),
    "overflowing.npy": npy("(4294967296, 4294967296, 3)"),
    "negative.npy": npy("(-4, -4)"),
    "code.npy": npy("__import__('os').system('touch canary')"),
    "deep.npy": npy("(" * 4000 + ")" * 4000),
    "pickle.npy": npy("(1,)", "'|O'", b"cos\nsystem\n(S'touch canary'\ntR."),
    "nested.npy": npy("(4, 4)", "('<f4', (1000000, 1000000))", bytes(64)),
    "flat.npy": npy("(0, 1000000000000)"),
    "version.npy": lambda file: file.write_bytes(b"\x93NUMPY\x09\0" + bytes(40)),
    "rows.dcm": dicom_with(Rows=65535, Columns=65535),
    "few_bytes.dcm": dicom_with(Rows=12_000, Columns=12_000),
    "frames.dcm": dicom_with(NumberOfFrames=2_000_000_000),
    "bits.dcm": dicom_with(BitsStored=99),
    "kind.dcm": dicom_with(PhotometricInterpretation="evil"),
    "slope.dcm": dicom_with(RescaleSlope="1e300", RescaleIntercept="0"),
    "deflated.dcm": in_syntax(uid.DeflatedExplicitVRLittleEndian),
    "jpeg_ls.dcm": in_syntax(uid.JPEGLSLossless),
    "jpeg_2000.dcm": in_syntax(uid.JPEG2000Lossless),
    "rle.dcm": in_syntax(uid.RLELossless),
    "video.dcm": in_syntax(uid.MPEG2MPML),
    "private.dcm": in_syntax("1.2.3.4"),
    "no_pixels.dcm": lambda file: file.write_bytes(bytes(128) + b"DICM"),
    "text.dcm": lambda file: file.write_bytes(b"hello" * 100),
    "large.tif": large_tiff,
    "large.pgm": lambda file: file.write_bytes(b"P5 100000 100000 255\n"),
    "large.gif": lambda file: file.write_bytes(b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(3)),
    "noise.jp2": lambda file: file.write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(300)),
    "noise.avif": lambda file: file.write_bytes(b"\0\0\0\x1cftypavif" + bytes(300)),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_images_are_refused_in_one_sentence(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    FORGED[name](home / name)
    start = time.monotonic()
    with watched(home / name) as seen, pytest.raises(InputError, match=f"{name} cannot be read as an image") as refused:
        read_image(home / name, (1, 8, 8))
    assert one_sentence(refused.value) and "\n" not in str(refused.value)
    assert not seen and untouched(home) and time.monotonic() - start < 5


@pytest.mark.parametrize("write", [inflating_tiff, inflating_png, many_frames])
def test_what_unpacks_to_more_than_the_picture_is_not_unpacked(write: Callable[[Path], object], home: Path) -> None:
    file = home / "x.gif"
    write(file)
    tracemalloc.start()
    assert read_image(file, (3, 8, 8)).max() == 0
    assert tracemalloc.get_traced_memory()[1] < 4e6
    tracemalloc.stop()


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Cut off, or with one to eight bytes replaced, mostly in its head."""
    if rng.random() < 0.15:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8))):
        place = rng.randrange(min(len(data), rng.choice((64, 256, 2000, len(data)))))
        changed[place] = rng.choice((0, 255, rng.randrange(256)))
    return bytes(changed)


@pytest.mark.parametrize("number", [300, pytest.param(6000, marks=pytest.mark.slow)])
def test_damaged_images_are_read_or_refused(number: int, tmp_path: Path) -> None:
    rng, good = random.Random(number), {}
    for name, (write, *_) in {**GREYS, **COLOURS, **SEE_THROUGH}.items():
        write(tmp_path / name)
        good[name] = (tmp_path / name).read_bytes()
    outcomes = set()
    for _ in range(number):
        name = rng.choice(sorted(good))
        (tmp_path / name).write_bytes(damaged(good[name], rng))
        try:
            found = inspect_images([tmp_path / name])
            x = read_image(tmp_path / name, (1, 16, 16), reading=found.reading)
            assert x.min() >= 0 and x.max() <= 1
            outcomes.add("read")
        except InputError as error:
            assert one_sentence(error)
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
