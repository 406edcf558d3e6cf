"""Where counterfactuals change their images: the share of Σ|x′ − x| that lies inside a part of the image.

python -m benchmarks.where runs/celeba/explain --rows 0 27               # above the eyes, at 64×64
python -m benchmarks.where runs/xray/explain --mask docs/results/lungs.png  # white is inside

By pair of classes and result, over the searches that flipped, with 95 % intervals, beside the share of the image's area
that the part has: what a change that knows nothing of it would come to. Last, how much brighter the counterfactual is
on average, inside and outside, in grey values of 255.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from metrics.intervals import mean_interval
from networks.errors import InputError
from results.naming import column
from results.reader import Results

CONTROLS = ("paper_control", "control")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of explain runs")
    part = parser.add_mutually_exclusive_group(required=True)
    part.add_argument("--rows", nargs=2, type=int, metavar=("FIRST", "END"), help="of the image, from the top")
    part.add_argument("--mask", type=Path, help="a picture of the images' size")
    given = parser.parse_args(arguments)
    names = ("", *CONTROLS)
    print(f"| | n | area | {' | '.join(name or 'counterfactual' for name in names)} | brighter inside, outside |")
    print("|---" * (4 + len(names)) + "|")
    try:
        for folder in given.runs:
            run = Results(folder)
            mask = rows_mask(run.shape, *given.rows) if given.rows else read_mask(given.mask, run.shape)
            x, found = run.tensor("x"), {name: found_by(run, name) for name in names}
            for pair, rows in run.pairs():
                cells = [cell(x, found[name], flipped(run, name, rows), mask) for name in names]
                change = 255 * (found[""][rows] - x[rows]).mean((0, 1))
                cells.append(f"{change[mask == 1].mean():+.1f}, {change[mask == 0].mean():+.1f}")
                print(f"| {folder.name}: {pair} | {len(rows)} | {mask.mean():.1%} | {' | '.join(cells)} |")
    except InputError as error:
        parser.error(str(error))


def found_by(run: Results, name: str) -> Tensor | None:
    """x′ of one result, N×C×H×W; ``None`` where the run has not searched for it."""
    tensor = column(name, "counterfactual")
    return run.tensor(tensor) if run.has(tensor) else None


def flipped(run: Results, name: str, rows: np.ndarray) -> np.ndarray:
    """Those of the rows where a result flipped; none where the run has not searched for it."""
    return rows[run.flipped(name)[rows]] if run.has(column(name, "counterfactual")) else rows[:0]


def cell(x: Tensor, x_prime: Tensor | None, rows: np.ndarray, mask: Tensor) -> str:
    """Mean share of one result, of these rows."""
    if x_prime is None:
        return "–"
    share = share_inside(x[rows], x_prime[rows], mask)
    low, high = mean_interval(share.numpy())
    return f"{share.nanmean():.1%} ({low:.1%} – {high:.1%})"


def share_inside(x: Tensor, x_prime: Tensor, mask: Tensor) -> Tensor:
    """Σ_inside |x′ − x| / Σ |x′ − x| of each image, N; mask of H×W, 1 inside. NaN where nothing changed."""
    change = (x_prime - x).abs().sum(1)
    return (change * mask).sum((1, 2)) / change.sum((1, 2))


def rows_mask(shape: Sequence[int], first: int, end: int) -> Tensor:
    """1 in rows first … end − 1, H×W.

    Raises:
        InputError: rows that the images do not have.
    """
    height, width = shape[-2:]
    if not 0 <= first < end <= height:
        raise InputError(f"--rows must name rows of the images, 0 to {height}, first before end; got {first} {end}")
    mask = torch.zeros(height, width)
    mask[first:end] = 1
    return mask


def read_mask(file: Path, shape: Sequence[int]) -> Tensor:
    """1 where a picture is brighter than half, H×W.

    Raises:
        InputError: no picture, or one of another size than the images.
    """
    try:
        with Image.open(file) as picture:
            pixels = np.asarray(picture.convert("L"))
    except OSError as error:
        raise InputError(f"--mask {str(file)!r} cannot be read as a picture: {error}") from error
    if pixels.shape != tuple(shape[-2:]):
        size, wanted = ("×".join(map(str, s)) for s in (pixels.shape, shape[-2:]))
        raise InputError(f"--mask {str(file)!r} is {size}, and the images are {wanted}: give it their size")
    return torch.from_numpy(pixels > 127).float()


if __name__ == "__main__":
    main()
