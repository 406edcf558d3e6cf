"""The picture in an image file of any kind."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from datamodules.images.deep import ORIENTATION, TIFF, TURNS, from_tiff, png_values, turned
from datamodules.images.dicom import from_dicom, is_dicom
from datamodules.images.image_files import content, opened, told_of
from datamodules.images.npy import MAGIC, from_npy
from datamodules.images.stored import SEVERAL, SHALLOW, TRANSPARENT, TURNED, Picture, ends, unsigned, with_alpha

BITS, COMPRESSION, PHOTOMETRIC, SAMPLE_FORMAT = 258, 259, 262, 339  # tags of a TIFF
SIGNED = 2  # the sample format
J2K_SIZE = b"\xff\x4f\xff\x51"  # where JPEG 2000 says it
LARGEST = 1e18  # of floats; files with gaps fill them with NaN or −3e38
SPARE = 4  # of 255 grey values, 0.2 differ on average between a large photograph and its half, both made small
GREY = ("1", "L", "LA", "La")


def picture(file: Path, data: bytes | None = None, side: int | None = None) -> Picture:
    """What is in a file, whatever its name says.

    Args:
        data: what is in the file, where that has been read.
        side: pixels a side that will be left of it. A JPEG is unpacked at a half, quarter or eighth of its size where
            that is still ``SPARE`` times as large, which is four times as fast; ``None`` for all of it.

    Raises:
        InputError: see ``opened``; or numbers that are not finite.
    """
    data = content(file) if data is None else data
    with told_of(file):
        found = _decoded(file, data, side)
        if found.values.ndim != 3 or found.values.shape[2] not in (1, 3):
            raise ValueError(f"its shape {'×'.join(map(str, found.values.shape))} is that of no picture")
        if not found.whole and not all(abs(end) <= LARGEST for end in ends(found)):  # and NaN is not, either
            raise ValueError(
                f"it holds NaN, infinity, or numbers above {LARGEST:g}, as where nothing is known: replace them"
            )
        return found


def peek(file: Path) -> None:
    """As much of a file as is read without unpacking its pixels.

    Raises:
        InputError: see ``picture``.
    """
    data = content(file)
    if data.startswith(MAGIC) or is_dicom(data, file.suffix) or data[:4] in TIFF:
        picture(file, data)
    else:
        with opened(file, data):
            pass


def _decoded(file: Path, data: bytes, side: int | None) -> Picture:
    if data.startswith(MAGIC):
        return from_npy(data)
    if is_dicom(data, file.suffix):
        return from_dicom(data)
    return from_tiff(data) or _from_pillow(file, data, side)


def _from_pillow(file: Path, data: bytes, side: int | None) -> Picture:
    with opened(file, data) as image:
        width, height = image.size
        if side is not None:
            image.draft(None, (SPARE * side, SPARE * side))
        reduced_from = (height, width) if image.size != (width, height) else None
        several = image.format != "MPO" and getattr(image, "is_animated", False)  # MPO: a photograph and copies of it
        was_turned = image.format == "TIFF" and image.tag_v2.get(ORIENTATION) in TURNS  # type: ignore[attr-defined]
        image.load()  # which turns a TIFF
        deep = png_values(data)
        found = _values(image) if deep is None else _keyed(deep, image)
        remarks = {SEVERAL: several, TURNED: was_turned, SHALLOW: deep is None and _is_cut(image, data)}
        found = found._replace(
            remarks=found.remarks + tuple(remark for remark, holds in remarks.items() if holds),
            reduced_from=reduced_from,
        )
        return turned(found, _orientation(image))


def _values(image: Image.Image) -> Picture:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _numbers(image)
    if image.has_transparency_data:
        return with_alpha(np.asarray(image.convert("LA" if image.mode in GREY else "RGBA")))
    if image.mode in GREY:
        values = np.asarray(in_mode(image, "L"))[..., None]
        return Picture(unsigned(values.view(np.int8)) if _tag(image, SAMPLE_FORMAT) == SIGNED else values)
    return Picture(np.asarray(in_mode(image, "RGB")))


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Converted, if it must be: Pillow would make a copy."""
    return image if image.mode == mode else image.convert(mode)


def _numbers(image: Image.Image) -> Picture:
    """Grey in more than 8 bits."""
    if image.mode in ("I", "F") and _tag(image, COMPRESSION) not in (None, 1) and _is_big_endian(image):
        raise ValueError("Pillow mistakes the order of its bytes: pip install 'onmanifold[tiff]', or unpack it")
    values = np.asarray(image)[..., None]
    if image.mode == "I" and _tag(image, BITS) == 32 and _tag(image, SAMPLE_FORMAT) != SIGNED:
        values = values.view(np.uint32)
    return _keyed(unsigned(values), image)._replace(inverted=_tag(image, PHOTOMETRIC) == 0)


def _is_big_endian(image: Image.Image) -> bool:
    return image.tag_v2.prefix == b"MM"  # type: ignore[attr-defined]


def _keyed(values: np.ndarray, image: Image.Image) -> Picture:
    """With alpha where there is some: its own numbers, or one colour that means nothing is there."""
    if values.shape[2] in (2, 4):
        return with_alpha(values)
    if (key := image.info.get("transparency")) is None:
        return Picture(values)
    shown = (values != np.asarray(key)).any(axis=2)
    return Picture(values, shown.astype(np.float32), remarks=(TRANSPARENT,)) if not shown.all() else Picture(values)


def _tag(image: Image.Image, number: int) -> Any:
    """The first value of a TIFF's tag; ``None`` of other files."""
    value = getattr(image, "tag_v2", {}).get(number)
    return value[0] if isinstance(value, tuple) and value else value


def _is_cut(image: Image.Image, data: bytes) -> bool:
    """Whether Pillow has kept 8 bits of more."""
    return image.mode not in ("I", "F") and not image.mode.startswith("I;16") and _depth(image, data) > 8


def _depth(image: Image.Image, data: bytes) -> int:
    """Bits of each number in the file, as far as its format says; 8 where nothing does."""
    if image.format == "PNG":
        return data[24]
    if image.format == "PPM" and data.startswith((b"P3", b"P6")):
        header = b" ".join(line.partition(b"#")[0] for line in data[:1000].splitlines()).split()
        return int(header[3]).bit_length()
    if image.format == "JPEG2000" and (at := data.find(J2K_SIZE)) >= 0:
        return (data[at + 42] & 127) + 1
    if image.format == "AVIF" and (at := data.find(b"av1C")) >= 0:
        return 10 if data[at + 6] & 64 else 8
    return _tag(image, BITS) or 8


def _orientation(image: Image.Image) -> Any:
    try:
        return image.getexif().get(ORIENTATION)
    except Exception:  # viewers, too, show an image whose metadata are broken
        return None
