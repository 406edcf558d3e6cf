"""Mall: frames of a shopping mall's camera with the positions of all heads."""

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
    explains crops of 64×64 without saying which: here every frame is cut into square tiles, side by side,
    which are then resized. Frames follow each other by less than a second, so the splits are stretches of time
    with a gap between; all tiles of a frame are in the same split. All tiles are held in memory, 0.3 GB. See
    ``DataModule`` for the common arguments.

    Args:
        root: folder with ``frames/seq_000001.jpg`` … and ``mall_gt.mat``.
        tile: pixels a side in the frame; 160 tiles it four by three.
        fractions: of the frames that go to train, val and test, in the order of time.
        gap: frames left out between two splits.

    Raises:
        InputError: missing files or frames, annotations that are absent or do not fit, or fractions that leave a
            split without frames.
    """

    levels = 256
    task = "regression"
    has_map = True

    def __init__(
        self,
        root: str = "data/mall_dataset",
        tile: int = 160,
        fractions: tuple[float, float, float] = (0.7, 0.1, 0.2),
        gap: int = 10,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.shape, self.num_classes, self.class_names = (3, SIDE, SIDE), 0, []
        InputError.collect(whole(1, tile=tile) + whole(0, gap=gap))
        self.root, self.tile, self.fractions, self.gap = Path(root), tile, fractions, gap

    def load(self) -> dict[SplitName, Split]:
        heads = read_heads(required(self.root / "mall_gt.mat", SOURCE))
        frames = self._frames(len(heads))
        splits: dict[SplitName, Split] = {}
        for name, (start, stop) in self._stretches(len(heads)).items():
            tiles = [cut(file, h, self.tile) for file, h in zip(frames[start:stop], heads[start:stop], strict=True)]
            x, maps, counts = (torch.cat(part) for part in zip(*tiles, strict=True))
            splits[name] = TensorSplit(x, counts, maps)
        self.value_range = (0.0, max(float(split.y.max()) for split in splits.values()))
        return splits

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


def cut(file: Path, heads: np.ndarray, tile: int) -> tuple[Tensor, Tensor, Tensor]:
    """The tiles of one frame.

    Args:
        heads: n×2 of x and y, in the frame's pixels.
        tile: pixels a side.

    Returns:
        images N×3×64×64 uint8, maps N×1×64×64 uint8, counts N float32.
    """
    with opened(file) as stored:
        frame = stored.convert("RGB")
    rows, columns = frame.height // tile, frame.width // tile
    if not rows or not columns:
        raise InputError(f"{file} is {frame.width}×{frame.height}: no tile of {tile} pixels fits in")
    images, maps, counts = [], [], []
    for r in range(rows):
        for c in range(columns):
            left, top = c * tile, r * tile
            part = frame.crop((left, top, left + tile, top + tile)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            images.append(torch.from_numpy(np.array(part)).permute(2, 0, 1))
            inside = np.floor((heads - [left, top]) * SIDE / tile).astype(int)
            inside = inside[((inside >= 0) & (inside < SIDE)).all(1)]
            place = torch.zeros(1, SIDE, SIDE, dtype=torch.uint8)
            place[0, inside[:, 1], inside[:, 0]] = 1
            maps.append(place)
            counts.append(float(len(inside)))
    return torch.stack(images), torch.stack(maps), torch.tensor(counts)
