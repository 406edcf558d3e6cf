"""Where a counting network sees objects, and whether they are there."""

import warnings
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torchmetrics import Metric

THRESHOLD = 0.1  # of the map's largest value: pixels below say nothing
REPEATS = 10  # of a pixel with the largest value among the mixture's samples
APART = 3  # pixels between the mixture's first means
FLOOR = 0.25  # variance of a Gaussian in pixels²: that of a single pixel is zero


def localise(probability: Tensor, count: float) -> Tensor:
    """Positions of round(count) objects: the means of as many Gaussians, fitted to the map.

    The mixture starts at the map's highest peaks, and pixels count as often as they are probable. Source:
    *Diffeomorphic Counterfactuals*, IV.B.3 and Fig. 12.

    Args:
        probability: map of one image, H×W in [0, 1].
        count: predicted number of objects; none below ½, and none where it or the map is not finite.

    Returns:
        rows and columns, n×2 float32; fewer than round(count) where the map has too few pixels.
    """
    p = probability.detach().cpu().double().numpy()
    if not (np.isfinite(p).all() and np.isfinite(count)):
        return torch.zeros(0, 2)
    n = max(0, round(float(count)))
    rows, columns = np.nonzero(p >= THRESHOLD * p.max()) if n and p.max() > 0 else (np.zeros(0, int),) * 2
    places, n = np.stack([rows, columns], 1).astype(float), min(n, len(rows))
    if not n:
        return torch.zeros(0, 2)
    means = _peaks(p, n)
    if n == len(places):
        return torch.from_numpy(places).float()
    repeats = np.ceil(REPEATS * p[rows, columns] / p.max()).astype(int)
    mixture = GaussianMixture(n, covariance_type="spherical", means_init=means, reg_covar=FLOOR, random_state=0)
    with warnings.catch_warnings():  # the best of a hundred steps is good enough to a fraction of a pixel
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(np.repeat(places, repeats, axis=0))
    return torch.from_numpy(mixture.means_).float()


def _peaks(p: np.ndarray, n: int) -> np.ndarray:
    """The n highest places, ``APART`` from each other where there are so many, n×2."""
    left, found = p.copy(), []
    for _ in range(n):
        r, c = np.unravel_index(left.argmax(), p.shape)
        found.append((r, c))
        around = left[max(0, r - APART) : r + APART + 1, max(0, c - APART) : c + APART + 1]
        around -= 1  # below every place that has not been looked at
    return np.array(found, dtype=float)


def matches(found: Tensor, true: Tensor, radius: float) -> int:
    """How many of n×2 points can be paired with m×2 points within ``radius``, each with one."""
    if not len(found) or not len(true):
        return 0
    distances = cdist(found.cpu().numpy(), true.cpu().numpy())
    near = distances <= radius
    pairs = linear_sum_assignment(np.where(near, distances, 1e6))
    return int(near[pairs].sum())


def f1(matched: float, found: float, true: float) -> float:
    """2 · matched / (found + true); one where there is nothing to be found and nothing was."""
    return 1.0 if found + true == 0 else 2 * matched / (found + true)


class LocalisationF1(Metric):
    """F1 of located objects over all images: found within ``radius`` pixels of a true one, one to one.

    Args:
        radius: r, in pixels (Ribera et al. 2019 report F1 at several).
    """

    full_state_update = False
    matched: Tensor
    found: Tensor
    true: Tensor

    def __init__(self, radius: float = 5.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.radius = radius
        for name in ("matched", "found", "true"):
            self.add_state(name, torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, found: list[Tensor], true: list[Tensor]) -> None:
        """Add images: n×2 and m×2 positions of each."""
        for f, t in zip(found, true, strict=True):
            self.matched += matches(f, t, self.radius)
            self.found += len(f)
            self.true += len(t)

    def compute(self) -> Tensor:
        """F1 in [0, 1]."""
        return torch.tensor(f1(self.matched.item(), self.found.item(), self.true.item()))
