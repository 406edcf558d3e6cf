"""Opening image files that may come from anywhere."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from networks.errors import InputError

#: Pillow would start Ghostscript for others, or follow what they name
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
LONGEST = 500  # characters of what a reader says
MOST_PIXELS = 2 * 89_478_485  # Pillow's own limit: two gigabytes as RGB in float32


def content(file: Path) -> bytes:
    """What is in an image file.

    Raises:
        InputError: no file, such as a link to nothing or a pipe, which would be waited for; or it cannot be read.
    """
    try:
        if file.is_file():
            return file.read_bytes()
    except OSError as error:
        raise _useless(file, error.strerror) from error
    raise _useless(file, f"it is {'a link to a file that is not there' if file.is_symlink() else 'no file'}")


def stamp(file: Path) -> bytes:
    """Size and time of change, by which another file of the same name is noticed without being read.

    Raises:
        InputError: nothing is there.
    """
    try:
        stat = file.stat()
    except OSError as error:
        raise _useless(file, error.strerror) from error
    return f" {stat.st_size} {stat.st_mtime_ns}\n".encode()


@contextmanager
def told_of(file: Path) -> Iterator[None]:
    """Whatever goes wrong inside is told as this file's fault, in one sentence: readers fail in many ways.

    Raises:
        InputError: with the file's name.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata, or half of the limit: all that matters is an error
            yield
    except InputError:
        raise
    except Exception as error:
        raise _useless(file, " ".join(f"{error}".split())[:LONGEST] or type(error).__name__) from error


@contextmanager
def opened(file: Path, data: bytes | None = None) -> Iterator[Image.Image]:
    """The image in a file, whatever its name says; what goes wrong inside is told as this file's fault.

    Args:
        data: what is in the file, where that has been read.

    Raises:
        InputError: no file, such as a link to nothing or a pipe, which would be waited for; another format; an
            image that is cut off, or of more than ``MOST_PIXELS``.
    """
    with told_of(file):
        try:
            image = Image.open(io.BytesIO(content(file) if data is None else data), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise ValueError(f"{error} Make it smaller") from error
        except Image.UnidentifiedImageError as error:  # its own words name an object in memory
            known = ", ".join(FORMATS)
            more = "more kinds of TIFF by tifffile: pip install 'onmanifold[tiff]'"
            raise ValueError(f"cannot identify its format; read are {known}, DICOM and NPY; {more}") from error
        with image:
            check_size(*image.size)
            yield image


def check_size(width: int, height: int) -> None:
    """Before memory is taken.

    Raises:
        ValueError: no pixels, or more than ``MOST_PIXELS``.
    """
    if not 0 < width * height <= MOST_PIXELS:
        raise ValueError(
            f"it has {width}×{height} pixels, {width * height:,}; at most {MOST_PIXELS:,} are read: make it smaller"
        )


def _useless(file: Path, why: object) -> InputError:
    return InputError(f"{file} cannot be read as an image: remove or replace it ({why})")
