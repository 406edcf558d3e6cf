"""Colours of more than 8 bits, and kinds of TIFF, that Pillow cannot keep."""

import io
import logging
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from datamodules.images.image_files import MOST_PIXELS
from datamodules.images.stored import SEVERAL, TURNED, Picture, unsigned, with_alpha

PNG = b"\x89PNG\r\n\x1a\n"
COLOURED = {2: 3, 4: 2, 6: 4}  # kinds of PNG that have several numbers a pixel, and how many
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PLAIN, DEFLATE = (1,), (8, 32946)  # compressions; Pillow reads the others
ALPHA = 2  # unassociated

ORIENTATION = 274  # EXIF's number of the tag
ON_ITS_SIDE = (5, 6, 7, 8)
#: EXIF's numbers → upright; all act on the first two axes
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}


def turned(picture: Picture, orientation: object) -> Picture:
    """Upright, by EXIF's number; as it is, where that is none."""
    turn = TURNS.get(orientation) if isinstance(orientation, int) else None
    if turn is None:
        return picture
    alpha = None if picture.alpha is None else turn(picture.alpha)
    size = picture.reduced_from
    size = size[::-1] if size and orientation in ON_ITS_SIDE else size
    remarks = (*picture.remarks, TURNED)
    return picture._replace(values=turn(picture.values), alpha=alpha, remarks=remarks, reduced_from=size)


def png_values(data: bytes) -> np.ndarray | None:
    """H×W×C uint16 of a PNG that has several numbers of 16 bits a pixel; ``None`` of any other file, and interlaced.

    PNG's filters act on every byte of a pixel by itself: the first and the second half of all pixels' bytes are two
    images of 8 bits, which Pillow can read.
    """
    if data[:8] != PNG or data[24] != 16 or data[25] not in COLOURED or data[28]:
        return None
    width, height = struct.unpack(">II", data[16:24])
    half = COLOURED[data[25]]  # the bytes of a pixel, halved
    size = height * (1 + 2 * half * width)
    rows = zlib.decompressobj().decompress(b"".join(_pixel_data(data)), size)
    if len(rows) < size:
        return None
    lines = np.frombuffer(rows, np.uint8).reshape(height, -1)
    pixels = lines[:, 1:].reshape(height, width, 2 * half)
    halves = [_unfiltered(lines[:, :1], pixels[..., part]) for part in (slice(half), slice(half, None))]
    return unsigned(np.ascontiguousarray(np.concatenate(halves, axis=2)).view(">u2"))


def _pixel_data(data: bytes) -> Iterator[bytes]:
    at = len(PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += 12 + length


def _unfiltered(filters: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """H×W×C bytes of an image of 8 bits; filters are the H numbers before its lines."""
    height, width, channels = pixels.shape
    lines = np.concatenate([filters, pixels.reshape(height, -1)], axis=1)
    mode = {2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    return np.asarray(Image.frombytes(mode, (width, height), zlib.compress(lines.tobytes(), 0), "zip", mode, False))


def from_tiff(data: bytes) -> Picture | None:
    """The first page of a TIFF that holds other numbers than unsigned bytes.

    ``None`` of any other file, of compressions that Pillow alone can read, and where tifffile is not installed: Pillow
    reads grey of 16 and 32 bits, and 8 bits of each colour.
    """
    if data[:4] not in TIFF:
        return None
    try:
        import tifffile  # noqa: PLC0415  # an extra
    except ImportError:
        return None
    with _silent(logging.getLogger("tifffile")), tifffile.TiffFile(io.BytesIO(data)) as file:
        page: Any = file.pages[0]
        if not (_is_deep(page) and _is_small(page, data)):
            return None
        try:
            values = page.asarray()
        except ValueError:  # bits packed in a way that needs another library
            return None
        values = (
            values[..., None] if values.ndim == 2 else np.moveaxis(values, 0, 2) if page.planarconfig == 2 else values
        )
        picture = with_alpha(values) if page.extrasamples else Picture(unsigned(values))
        several = (SEVERAL,) if len(file.pages) > 1 else ()
        picture = picture._replace(inverted=page.photometric == 0, remarks=picture.remarks + several)
        orientation = page.tags.get(ORIENTATION)
        return turned(picture, orientation.value if orientation else None)


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """What is odd would be printed for every file."""
    logger.disabled, before = True, logger.disabled
    try:
        yield
    finally:
        logger.disabled = before


def _is_deep(page: Any) -> bool:
    """Whether the numbers are no unsigned bytes, and their meaning is known."""
    colours, dtype, alpha = page.samplesperpixel - len(page.extrasamples), page.dtype, page.extrasamples
    if dtype is None or page.imagedepth != 1 or alpha not in ((), (ALPHA,)) or (alpha and dtype.kind != "u"):
        return False
    known = (colours == 1 and page.photometric in (0, 1)) or (colours == 3 and page.photometric == 2)
    return known and dtype != np.uint8 and dtype.kind in "uif"


def _is_small(page: Any, data: bytes) -> bool:
    """Before memory is taken: no more pixels than allowed, and no strip that unpacks to more than the picture."""
    if page.imagewidth * page.imagelength > MOST_PIXELS:
        return False
    if page.compression in PLAIN:
        return page.nbytes <= len(data)
    strips = zip(page.dataoffsets, page.databytecounts, strict=True)
    return page.compression in DEFLATE and all(_inflates_within(page.nbytes, data[o : o + n]) for o, n in strips)


def _inflates_within(most: int, strip: bytes) -> bool:
    unpacking = zlib.decompressobj()
    unpacking.decompress(strip, most + 1)
    return not unpacking.unconsumed_tail
