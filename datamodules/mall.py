"""Mall: frames of a shopping mall's camera with the positions of all heads."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy.io import loadmat
from scipy.io.matlab import MatReadError
from torch import Tensor

from datamodules.base import SPLITS, DataModule, Split, SplitName, TensorSplit
from datamodules.folders.listed import required
from datamodules.images.decoded import Decoded
from datamodules.images.image_files import opened
from networks.checks import whole
from networks.errors import InputError

SIDE = 64
SOURCE = (
    "get mall_dataset.zip of Loy, Chen, Gong and Xiang (2012–2013) and pass --data.root with the folder that holds "
    "frames/ and mall_gt.mat; its feature and perspective files are not needed"
)


class Mall(DataModule):
    """3×64×64 tiles of Mall's 640×480 frames; y is the number of heads, ``map`` 1 where they are.

    The data set has 2,000 frames with 31 heads on average. The paper (*Diffeomorphic Counterfactuals*, IV.B)
    explains crops of 64×64 without saying which: here every frame is cut into square tiles, which are then resized.
    Frames follow each other by less than a second, so the splits are stretches of time with a gap between; all tiles
    of a frame are in the same split. Frames are decoded once, into the user's cache (``Decoded``). See ``DataModule``
    for the common arguments.

    Args:
        root: folder with ``frames/seq_000001.jpg`` … and ``mall_gt.mat``.
        tile: pixels a side in the frame. 160 tiles it four by three, and its tiles hold 0 to 23 heads: one in four of
            them none, one in thirty ten and more.
        stride: pixels between two tiles of train; less than ``tile`` for more of them, which overlap. Those of val
            and test always lie side by side, so that a frame's counts add up.
        fractions: of the frames that go to train, val and test, in the order of time.
        gap: frames left out between two splits.

    Raises:
        InputError: missing files or frames, annotations that are absent or do not fit, frames of several sizes, or
            fractions that leave a split without frames.
    """

    levels = 256
    task = "regression"
    has_map = True

    def __init__(
        self,
        root: str = "data/mall_dataset",
        tile: int = 160,
        stride: int | None = None,
        fractions: tuple[float, float, float] = (0.7, 0.1, 0.2),
        gap: int = 10,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.shape, self.num_classes, self.class_names = (3, SIDE, SIDE), 0, []
        self.root, self.tile, self.stride = Path(root), tile, tile if stride is None else stride
        InputError.collect(whole(1, tile=tile) + whole(1, stride=self.stride) + whole(0, gap=gap))
        self.fractions, self.gap = fractions, gap

    def load(self) -> dict[SplitName, Split]:
        heads = read_heads(required(self.root / "mall_gt.mat", SOURCE))
        frames = self._frames(len(heads))
        with opened(frames[0]) as first:
            size = first.size
        splits: dict[SplitName, Split] = {}
        for name, (start, stop) in self._stretches(len(heads)).items():
            corners = grid(size, self.tile, self.stride if name == "train" else self.tile)
            if not corners:
                raise InputError(f"{frames[0]} is {_by(size)}: no tile of {self.tile} pixels fits in")
            # Mixed, so that the first so many are a sample of the whole stretch; a frame's tiles stay together.
            order = start + torch.randperm(stop - start, generator=torch.Generator().manual_seed(0))
            chosen = order.tolist() if name != "train" else range(start, stop)
            splits[name] = self._split([frames[i] for i in chosen], [heads[i] for i in chosen], size, corners)
        self.value_range = (0.0, max(float(split.y.max()) for split in splits.values()))
        return splits

    def _split(
        self, frames: list[Path], heads: list[np.ndarray], size: tuple[int, int], corners: list[tuple[int, int]]
    ) -> TensorSplit:
        maps, counts = (torch.cat(part) for part in zip(*(located(h, corners, self.tile) for h in heads), strict=True))
        read = partial(tiles, size, corners, self.tile)
        decoded = Decoded(frames, (len(corners), *self.shape), read, f"tiles of {self.tile} at {corners}")
        InputError.collect(decoded.make())
        x = decoded.find()
        if x is None:  # no room in the cache
            x = torch.from_numpy(np.concatenate([read(frame) for frame in frames]))
        return TensorSplit(x, counts, maps, origin=decoded.digest)

    def _frames(self, n: int) -> list[Path]:
        """Files of n annotated frames, in the order of time."""
        folder = required(self.root / "frames", SOURCE)
        frames = [folder / f"seq_{i + 1:06d}.jpg" for i in range(n)]
        present = {file.name for file in folder.iterdir()}
        if missing := [frame.name for frame in frames if frame.name not in present]:
            raise InputError(
                f"{str(folder)!r} lacks {len(missing)} of the {n} annotated frames, first {missing[0]}: {SOURCE}"
            )
        return frames

    def _stretches(self, n: int) -> dict[SplitName, tuple[int, int]]:
        """First frame and the one after the last of every split."""
        if min(self.fractions) <= 0 or sum(self.fractions) > 1 + 1e-6:
            raise InputError(f"fractions must be positive and add up to 1 at most; got {self.fractions}")
        ends = np.cumsum(self.fractions) * n
        stretches, start = {}, 0
        for name, end in zip(SPLITS, ends.round().astype(int).tolist(), strict=True):
            if end <= start:
                raise InputError(
                    f"{n} frames at fractions {self.fractions} and a gap of {self.gap} leave none for {name}"
                )
            stretches[name], start = (start, end), end + self.gap
        return stretches


def read_heads(file: Path) -> list[np.ndarray]:
    """Positions of the heads in every frame, n×2 of x and y in the frame's pixels, from ``mall_gt.mat``.

    Raises:
        InputError: no MATLAB file, or one without the annotations.
    """
    try:
        stored = loadmat(file, simplify_cells=True)
    except (MatReadError, ValueError, OSError, NotImplementedError, TypeError) as error:
        raise InputError(f"{str(file)!r} cannot be read as a MATLAB file: {SOURCE} ({error})") from error
    if "frame" not in stored or "count" not in stored:
        held = sorted(name for name in stored if not name.startswith("__"))
        raise InputError(f"{str(file)!r} has no annotations (frame and count); it holds {held}: {SOURCE}")
    heads = [np.asarray(frame["loc"], dtype=float).reshape(-1, 2) for frame in np.atleast_1d(stored["frame"])]
    counts = np.atleast_1d(stored["count"])
    if len(heads) != len(counts) or (bad := [i for i, h in enumerate(heads) if len(h) != counts[i]]):
        where = f"frame {bad[0] + 1}" if len(heads) == len(counts) else f"{len(heads)} frames and {len(counts)} counts"
        raise InputError(f"{str(file)!r} contradicts itself: {where} differ in the number of heads: {SOURCE}")
    return heads


def grid(size: tuple[int, int], tile: int, stride: int) -> list[tuple[int, int]]:
    """Left and upper edges of all tiles in a frame of width×height, row by row.

    >>> grid((640, 480), 320, 160)
    [(0, 0), (160, 0), (320, 0), (0, 160), (160, 160), (320, 160)]
    """
    width, height = size
    return [(x, y) for y in range(0, height - tile + 1, stride) for x in range(0, width - tile + 1, stride)]


def located(heads: np.ndarray, corners: list[tuple[int, int]], tile: int) -> tuple[Tensor, Tensor]:
    """The heads in every tile of a frame.

    Args:
        heads: n×2 of x and y, in the frame's pixels.

    Returns:
        maps N×1×64×64 uint8, 1 where there is one (or several); counts N float32.
    """
    maps, counts = torch.zeros(len(corners), 1, SIDE, SIDE, dtype=torch.uint8), torch.zeros(len(corners))
    for number, corner in enumerate(corners):
        inside = np.floor((heads - corner) * SIDE / tile).astype(int)
        inside = inside[((inside >= 0) & (inside < SIDE)).all(1)]
        maps[number, 0, inside[:, 1], inside[:, 0]] = 1
        counts[number] = len(inside)
    return maps, counts


def tiles(size: tuple[int, int], corners: list[tuple[int, int]], tile: int, file: Path) -> np.ndarray:
    """The tiles of one frame, N×3×64×64 uint8.

    Raises:
        InputError: no image, or one of another size.
    """
    with opened(file) as stored:
        frame = stored.convert("RGB")
    if frame.size != size:
        raise InputError(f"{file} is {_by(frame.size)}, and the first frame {_by(size)}: all must have one size")
    cut = [frame.resize((SIDE, SIDE), Image.Resampling.BICUBIC, (x, y, x + tile, y + tile)) for x, y in corners]
    return np.stack([np.asarray(image) for image in cut]).transpose(0, 3, 1, 2)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
