"""One image file as a tensor."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from datamodules.images.picture import in_mode, picture
from datamodules.images.reading import Reading

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue, as Pillow weighs them


def read_image(file: Path, shape: tuple[int, ...], data: bytes | None = None, reading: Reading | None = None) -> Tensor:
    """One image as C×H×W float32 in [0, 1]: upright, resized by its shorter side, then centre-cropped.

    Bytes stay bytes until the end; all else is resized as float32 and rounded to the ``levels`` of the reading.

    Args:
        data: what is in the file, where that has been read.
        reading: how its numbers become intensities; ``None`` for what the file alone says.

    Raises:
        InputError: see ``picture``.
    """
    channels, height, width = shape
    reading = Reading() if reading is None else reading
    found = picture(file, data, max(height, width))
    if reading.keeps(found):
        pixels = np.asarray(_fit(_bytes(found.values, channels), height, width)).reshape(height, width, channels)
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
    x = in_channels(reading.intensities(found, file), channels)
    fitted = np.stack([np.asarray(_fit(Image.fromarray(x[..., c]), height, width)) for c in range(channels)])
    return torch.from_numpy(reading.rounded(fitted))


def in_channels(x: np.ndarray, channels: int) -> np.ndarray:
    """H×W×1 or H×W×3 floats → H×W×``channels``: brightness, or grey in all three."""
    if x.shape[2] == channels:
        return x
    return (x @ LUMA)[..., None] if channels == 1 else np.repeat(x, channels, axis=2)


def _bytes(values: np.ndarray, channels: int) -> Image.Image:
    image = Image.fromarray(values[..., 0] if values.shape[2] == 1 else np.ascontiguousarray(values))
    return in_mode(image, "L" if channels == 1 else "RGB")


def _fit(image: Image.Image, height: int, width: int) -> Image.Image:
    if image.size == (width, height):
        return image
    scale = max(height / image.height, width / image.width)
    w, h = max(width, round(image.width * scale)), max(height, round(image.height * scale))
    left, top = (w - width) // 2, (h - height) // 2
    return image.resize((w, h), Image.Resampling.BICUBIC).crop((left, top, left + width, top + height))
