"""Opening image files that may come from anywhere."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from networks.errors import InputError

FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")  # Pillow would start Ghostscript for others


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


@contextmanager
def opened(file: Path, data: bytes | None = None) -> Iterator[Image.Image]:
    """The image in a file, whatever its name says; what goes wrong inside is told as this file's fault.

    Args:
        data: what is in the file, where that has been read.

    Raises:
        InputError: no file, such as a link to nothing or a pipe, which would be waited for; another format; an
            image that is cut off, or larger than Pillow's limit.
    """
    try:
        with Image.open(io.BytesIO(content(file) if data is None else data), formats=FORMATS) as image:
            yield image
    # PIL raises SyntaxError on a broken PNG, and an error of its own kind on one of a thousand megapixels.
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise _useless(file, error) from error


def _useless(file: Path, why: object) -> InputError:
    return InputError(f"{file} cannot be read as an image: remove or replace it ({why})")
