"""Thickness, slant, width and length of what is drawn, measured as in Morpho-MNIST (Castro et al. 2019, 2.1)."""

import contextlib
import hashlib
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from counterfactuals.progress import Progress
from networks.errors import InputError
from networks.files import cache_folder, write_atomically

SCALE = 4  # times as many pixels a side, in which strokes of two pixels have a middle
TRIMMED = 0.02  # of the ink at either side, which does not count as width

NAMES = ("thickness", "slant", "width", "length")


def measure(x: Tensor, progress: Callable[[], object] = lambda: None) -> Tensor:
    """What is drawn in light on dark, of N×1×H×W in [0, 1]: N×4 float32, in the order of ``NAMES``.

    In an image enlarged four times (bicubic), where what is above half of its brightest is ink:

    - thickness: twice the mean distance of the skeleton from the edge, in pixels of x;
    - slant: angle of the horizontal shear that the second moments show, in degrees; positive leans to the right;
    - width: of the bounding parallelogram of that slant, less 2 % of the ink at either side, in pixels of x;
    - length: of the skeleton, in pixels of x.

    Args:
        x: the images; they are looked at as they are.
        progress: called once an image.

    Returns:
        NaN in the rows of images without ink.

    Raises:
        InputError: images of several channels, or scikit-image is missing.
    """
    if x.ndim != 4 or x.shape[1] != 1:
        raise InputError(f"strokes are measured in images of one channel, N×1×H×W; got {tuple(x.shape)}")
    rows = []
    for image in x.float():
        rows.append(_measured(image))
        progress()
    return torch.tensor(rows, dtype=torch.float32).view(len(x), len(NAMES))


def measured(images: Tensor) -> Tensor:
    """The same of N×H×W uint8, kept in the user's cache: of 60,000 digits it takes a minute on one core."""
    digest = hashlib.sha256(images.numpy().tobytes() + f"{images.shape} {SCALE} {TRIMMED}".encode()).hexdigest()[:24]
    file = cache_folder() / "measured" / f"{digest}.npy"
    try:
        return torch.from_numpy(np.load(file))
    except (OSError, ValueError, EOFError):
        with Progress("measuring strokes", len(images)) as progress:
            values = measure(images[:, None].float() / 255, progress.advance)
    with contextlib.suppress(OSError):  # a full or read-only home must not end a run
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, lambda beside: _save(beside, values))
    return values


def _save(file: Path, values: Tensor) -> None:
    with file.open("wb") as stream:  # by a name np.save would add its ending
        np.save(stream, values.numpy())


def _measured(image: Tensor) -> list[float]:
    large = F.interpolate(image[None], scale_factor=SCALE, mode="bicubic", align_corners=False)[0, 0].numpy()
    ink = large > 0.5 * large.max()
    if large.max() < 0.1 or not ink.any():
        return [math.nan] * len(NAMES)
    middle = _skeleton(ink)
    rows, columns = np.nonzero(ink)
    down, right = rows - rows.mean(), columns - columns.mean()
    shear = -float((right * down).mean() / max(float(np.square(down).mean()), 1e-9))
    straight = right + shear * down
    low, high = np.quantile(straight, [TRIMMED, 1 - TRIMMED])
    return [
        2 * float(distance_transform_edt(ink)[middle].mean()) / SCALE,
        math.degrees(math.atan(shear)),
        float(high - low) / SCALE,
        _length(middle) / SCALE,
    ]


def _length(middle: np.ndarray) -> float:
    """Steps between neighbours on a skeleton H×W, 1 or √2; a diagonal that goes round a corner is none."""
    straight = (middle[1:] & middle[:-1]).sum() + (middle[:, 1:] & middle[:, :-1]).sum()
    a, b, c, d = middle[:-1, :-1], middle[:-1, 1:], middle[1:, :-1], middle[1:, 1:]
    diagonal = (a & d & ~b & ~c).sum() + (b & c & ~a & ~d).sum()
    return float(straight + math.sqrt(2) * diagonal)


def _skeleton(ink: np.ndarray) -> np.ndarray:
    try:
        from skimage.morphology import skeletonize  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise InputError("strokes are measured with scikit-image: pip install 'onmanifold[measured]'") from error
    return skeletonize(ink)
