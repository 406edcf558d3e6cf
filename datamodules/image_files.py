"""Opening image files that may come from anywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from networks.errors import InputError

FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")  # Pillow would start Ghostscript for others


@contextmanager
def opened(file: Path) -> Iterator[Image.Image]:
    """The image in a file, whatever its name says; what goes wrong inside is told as this file's fault.

    Raises:
        InputError: no file, such as a link to nothing or a pipe, which would be waited for; another format; an
            image that is cut off, or larger than Pillow's limit.
    """
    if not file.is_file():
        what = "a link to a file that is not there" if file.is_symlink() else "no file"
        raise InputError(f"{file} cannot be read as an image: remove or replace it (it is {what})")
    try:
        with Image.open(file, formats=FORMATS) as image:
            yield image
    # PIL raises SyntaxError on a broken PNG, and an error of its own kind on one of a thousand megapixels.
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{file} cannot be read as an image: remove or replace it ({error})") from error
