"""The same picture in many kinds of files: how far what is read lies from the 8-bit PNG, as a table.

python -m benchmarks.robustness.image_formats
"""

import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from datamodules.folders.inspection import inspect_images
from datamodules.images.pixels import read_image
from tests.support.formats import COLOURS, GREYS, HEIGHT, SEE_THROUGH, WIDTH, C, G, pillow, veiled

#: what is said of the files, and patterns of their names; each is counted where it is first met
ROWS = {
    "turned by EXIF: JPEG": ["exif_*.jpg"],
    "turned by EXIF: PNG, WebP, TIFF": ["exif_*"],
    "JPEG, AVIF, JPEG in DICOM": ["8.jpg", "8.jfif", "8.avif", "jpeg.dcm"],
    "CMYK, YCbCr": ["cmyk.*", "ycbcr.*"],
    "LAB, as far as it holds the colours": ["lab.*"],
    "white is zero: TIFF of 12 bits and floats, DICOM's MONOCHROME1": ["12_white*", "float_white*", "12_inverted*"],
    "12 bits in 16: PNG, TIFF, NPY, DICOM; in colour, too": ["12*"],
    "Hounsfield units, negative slopes": ["hounsfield*", "negative*"],
    "16 bits, signed": ["16_signed*"],
    "16 bits: PNG, TIFF, PGM, JPEG 2000, NPY; in colour, too": ["16*"],
    "32 and 64 bits: TIFF, NPY": ["32*", "64*"],
    "half precision: TIFF, NPY": ["half*", "float_hw1*"],
    "floats, 0 to 1, −1 to 1 or 0 to 255: TIFF, NPY": ["float*", "double*"],
    "8 bits: PNG, BMP, PGM, PPM, GIF, WebP, JPEG 2000, TIFF, NPY, DICOM, palettes": ["*"],
}


def differences(folder: Path) -> Iterator[tuple[str, float, float]]:
    """Name of a file, and its largest difference at its own size and made smaller, in grey values of 255."""
    for kinds, pixels, channels in ((GREYS, G, 1), (COLOURS, C, 3)):
        pillow(pixels)(folder / "reference.png")
        for name, (write, _) in kinds.items():
            write(folder / name)
            reading = inspect_images([folder / name]).reading
            shapes = ((channels, HEIGHT, WIDTH), (channels, 24, 24))
            read = [read_image(folder / name, shape, reading=reading) for shape in shapes]
            wanted = [read_image(folder / "reference.png", shape) for shape in shapes]
            own, small = (255 * (x - y).abs().max().item() for x, y in zip(read, wanted, strict=True))
            yield name, own, small


def transparent(folder: Path) -> Iterator[float]:
    """The largest difference of each transparent file from what is seen on white, black and grey."""
    for name, (write, x, alpha) in SEE_THROUGH.items():
        write(folder / name)
        channels = 1 if x.ndim == 2 else 3
        for background in (0.0, 0.5, 1.0):
            reading = inspect_images([folder / name], background).reading
            read = read_image(folder / name, (channels, HEIGHT, WIDTH), reading=reading).permute(1, 2, 0).numpy()
            yield np.abs(255 * read - veiled(x, alpha, background * 255).reshape(read.shape)).max().item()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        found = list(differences(Path(name)))
        below = list(transparent(Path(name)))
    print("| files | how many | largest difference, of 255 | resized |\n|---|---|---|---|")
    for row, patterns in ROWS.items():
        those = [item for item in found if any(fnmatch(item[0], pattern) for pattern in patterns)]
        found = [item for item in found if item not in those]
        own, small = (max(item[i] for item in those) for i in (1, 2))
        print(f"| {row} | {len(those)} | {own:.2f} | {small:.2f} |")
    print(f"| transparent, on white, black and grey | {len(below)} | {max(below):.2f} | |")


if __name__ == "__main__":
    main()
