"""Scenes with a few small objects to be counted: the regression data that needs no download."""

from typing import Any

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor

from datamodules.base import SPLITS, DataModule, Split, SplitName, TensorSplit
from networks.checks import seeds, whole, within
from networks.errors import InputError

SIDE = 64
PATCH = 16  # pixels a side that the largest object may take
TRIES = 64  # candidate positions of an object
AT_ONCE = 250  # scenes drawn together, for the processor's cache; the first ones of a seed are the same for any n


class Scenes(DataModule):
    """1×64×64 grey scenes with 0 to 12 digits ("people") on textured floors, and where they stand.

    y is the exact count, and ``map`` is 1 at the middle of every object. Floors have a brightness, a
    slope, tiles and grain of their own; objects are brighter than their floor, lie whole inside the
    scene, and differ in size and brightness. Everything follows from ``seed``; the digits of train,
    val and test are different ones. See ``DataModule`` for the common arguments.

    Args:
        n_train, n_val, n_test: scenes of each split.
        most: largest count; every count from 0 is equally frequent.
        difficulty: in [0, 1]. From easy to hard objects of 12 px to 8 – 14 px, contrast of 0.6 to
            0.25 – 0.75, middles at least 10 px to 4 px apart (so that objects overlap), and grain of
            0.01 to 0.05.
        seed: of the scenes.

    Raises:
        InputError: a difficulty or a largest count outside its range.
    """

    levels = 256
    task = "regression"
    has_map = True

    def __init__(
        self,
        n_train: int = 8_000,
        n_val: int = 500,
        n_test: int = 1_000,
        most: int = 12,
        difficulty: float = 0.5,
        seed: int = 0,
        batch_size: int = 64,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        problems = whole(1, n_train=n_train, n_val=n_val, n_test=n_test) + seeds(seed=seed)
        problems += [f"difficulty must be in [0, 1]; got {difficulty}"] if within(0, 1, difficulty=difficulty) else []
        if whole(1, 16, most=most):
            problems.append(f"most, the largest count, must be in 1 … 16, which {SIDE}×{SIDE} pixels hold; got {most}")
        InputError.collect(problems)
        self.shape, self.num_classes, self.class_names = (1, SIDE, SIDE), 0, []
        self.sizes: dict[SplitName, int] = {"train": n_train, "val": n_val, "test": n_test}
        self.most, self.difficulty, self.seed = most, difficulty, seed
        self.value_range = (0.0, float(most))

    def load(self) -> dict[SplitName, Split]:
        people = _people()
        return {
            name: scenes(n, people[i :: len(SPLITS)], self.most, self.difficulty, hash((self.seed, i)))
            for i, (name, n) in enumerate(self.sizes.items())
        }


def scenes(n: int, people: Tensor, most: int, difficulty: float, seed: int) -> TensorSplit:
    """n scenes.

    Args:
        people: images of objects, M×8×8 in [0, 1], 0 around them.
        most, difficulty, seed: see ``Scenes``.
    """
    parts = []
    for start in range(0, n, AT_ONCE):
        generator = torch.Generator().manual_seed(hash((seed, start)) % 2**63)
        parts.append(_draw(AT_ONCE, people, most, difficulty, generator))
    x, count, heads = (torch.cat(part)[:n] for part in zip(*parts, strict=True))
    return TensorSplit(x, count, heads)


def _draw(n: int, people: Tensor, most: int, d: float, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Images N×1×64×64 uint8, counts N float32, and where objects stand, N×1×64×64 uint8."""
    x = floors(n, generator)
    level = x.flatten(1).mean(1)
    heads = torch.zeros(n, SIDE, SIDE, dtype=torch.uint8)
    count = torch.randint(0, most + 1, (n,), generator=generator)
    size = _uniform(generator, 12 - 4 * d, 12 + 2 * d, n, most)
    brightness = level[:, None] + _uniform(generator, 0.6 - 0.35 * d, 0.6 + 0.15 * d, n, most)
    which = torch.randint(0, len(people), (n, most), generator=generator)
    middle = _middles(n, most, distance=10 - 6 * d, generator=generator)
    for i in range(most):
        rows = (i < count).nonzero()[:, 0]
        _put(x, rows, people[which[rows, i]], middle[rows, i], size[rows, i], brightness[rows, i])
        heads[rows, middle[rows, i, 0], middle[rows, i, 1]] = 1
    grain = _uniform(generator, 0.01, 0.01 + 0.04 * d, n, 1, 1) * torch.randn(n, SIDE, SIDE, generator=generator)
    images = ((x + grain).clamp(0, 1) * 255).round().byte()
    return images[:, None], count.float(), heads[:, None]


def floors(n: int, generator: torch.Generator) -> Tensor:
    """Brightness, slope, blotches and tiles of n floors, N×64×64, 0.05 to 0.4 or so."""
    line = torch.linspace(-0.5, 0.5, SIDE)
    slope = _uniform(generator, -0.1, 0.1, 2, n, 1, 1)
    blotches = F.interpolate(torch.randn(n, 1, 6, 6, generator=generator), SIDE, mode="bicubic")[:, 0]
    period, angle, phase = (_uniform(generator, a, b, n, 1, 1) for a, b in ((10, 18), (-0.3, 0.3), (0, 1)))
    across = SIDE * (line[:, None] * angle.cos() + line * angle.sin()) / period + phase
    along = SIDE * (line * angle.cos() - line[:, None] * angle.sin()) / period + phase
    grooves = (-((across - across.round()) * 12).square()).exp() + (-((along - along.round()) * 12).square()).exp()
    level = _uniform(generator, 0.15, 0.35, n, 1, 1)
    return level + slope[0] * line[:, None] + slope[1] * line + 0.02 * blotches - 0.08 * grooves


def _people() -> Tensor:
    """Handwritten digits, 1,797×8×8 in [0, 1]."""
    images, _ = load_digits(return_X_y=True)
    return torch.tensor(images, dtype=torch.float32).view(-1, 8, 8) / 16


def _middles(n: int, most: int, distance: float, generator: torch.Generator) -> Tensor:
    """Rows and columns of objects that lie whole inside, N×most×2 int64, ``distance`` apart where there is room."""
    half = PATCH // 2
    middle = torch.zeros(n, most, 2, dtype=torch.int64)
    for i in range(most):
        tried = torch.randint(half, SIDE - half, (n, TRIES, 2), generator=generator)
        if i == 0:
            middle[:, 0] = tried[:, 0]
            continue
        nearest = torch.cdist(tried.float(), middle[:, :i].float()).min(2).values
        first = (nearest >= distance).float().argmax(1)  # 0 where none is far enough
        best = torch.where((nearest >= distance).any(1), first, nearest.argmax(1))
        middle[:, i] = tried[torch.arange(n), best]
    return middle


def _put(x: Tensor, rows: Tensor, person: Tensor, middle: Tensor, size: Tensor, brightness: Tensor) -> None:
    """Draw one object into each of some scenes, in place."""
    if not len(rows):
        return
    # The patch's pixels in the object's coordinates, in which it lies in [−1, 1].
    line = (torch.arange(PATCH) - (PATCH - 1) / 2) * 2
    at = line / size[:, None]
    grid = torch.stack([at[:, None, :].expand(-1, PATCH, -1), at[:, :, None].expand(-1, -1, PATCH)], -1)
    ink = F.grid_sample(person[:, None], grid, align_corners=False)[:, 0]
    offset = torch.arange(PATCH) - PATCH // 2
    r, c = middle[:, 0, None, None] + offset[:, None], middle[:, 1, None, None] + offset
    floor = x[rows[:, None, None], r, c]
    x[rows[:, None, None], r, c] = floor + ink * (brightness[:, None, None] - floor)


def _uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(*shape, generator=generator)
