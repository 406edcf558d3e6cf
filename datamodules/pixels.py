"""One image file as a tensor."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from datamodules.image_files import opened

EXTENSIONS = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
LARGEST = 64  # pixels a side where no size is given
COLOURLESS = 8  # grey values by which the channels of a grey JPEG may differ


def read_image(file: Path, shape: tuple[int, ...], data: bytes | None = None) -> Tensor:
    """One image as C×H×W float32 in [0, 1]: resized by its shorter side, then centre-cropped.

    Args:
        data: what is in the file, where that has been read.

    Raises:
        InputError: see ``opened``.
    """
    channels, height, width = shape
    with opened(file, data) as stored:
        image = _fit(stored.convert("L" if channels == 1 else "RGB"), height, width)
    pixels = torch.from_numpy(np.array(image)).view(height, width, channels)
    return pixels.permute(2, 0, 1).float() / 255


def look_at(files: list[Path], n: int = 50) -> tuple[int, bool]:
    """Size that suits the images, and whether they are grey; by n files spread over the list.

    Raises:
        InputError: one of them cannot be read.
    """
    chosen = files[:: max(1, len(files) // n)]
    sides, grey = [], True
    for file in chosen:
        with opened(file) as image:
            sides.append(min(image.size))
            colours = np.array(image.convert("RGB")).astype(int)
        grey = grey and bool(np.ptp(colours, axis=2).max() <= COLOURLESS)
    return min(LARGEST, max(8, sorted(sides)[len(sides) // 2] // 4 * 4)), grey


def _fit(image: Image.Image, height: int, width: int) -> Image.Image:
    if image.size == (width, height):
        return image
    scale = max(height / image.height, width / image.width)
    w, h = max(width, round(image.width * scale)), max(height, round(image.height * scale))
    left, top = (w - width) // 2, (h - height) // 2
    return image.resize((w, h), Image.Resampling.BICUBIC).crop((left, top, left + width, top + height))
