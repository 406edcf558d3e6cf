"""Which regions stand out of an image, by the image alone."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import solve
from torch import Tensor

from networks.checks import above_zero, each, positive, whole
from networks.errors import InputError

SMALLEST = 8  # pixels of a superpixel, on average
ALIKE = 1e-5  # squared difference in colour below which regions count as equal (the published code's)


class Regions(NamedTuple):
    """Superpixels of one image: which one each pixel is in, H×W, and their mean colours, n×3, of 1 at most."""

    labels: np.ndarray
    colours: np.ndarray


class ProbabilisticSaliency:
    """p = argmin Σ_i p_i² v_i + ½ Σ_ij (p_i − p_j)² w_ij under Σ p = 1 (Aytekin et al. 2018, *Probabilistic saliency
    estimation*): the chance that a superpixel is of an object.

    v says what is background, w what belongs together; the minimum is p ∝ (diag v + L)⁻¹ 1 with L = diag(Σ_j w_ij) − w.
    Graph and prior are those of the authors' published code: w_ij = 1 / (1e-5 + ‖c_i − c_j‖²) of mean Lab colours
    between superpixels at most five apart, divided by (neighbours at that distance × all within five)², of both
    directions the mean, and by the largest; v = 0.1 at the image's edge and 0 inside. Maps of several resolutions are
    scaled to [0, 1] and averaged.

    Args:
        segments: superpixels of each resolution; not more than one for every 8 pixels.
        compactness: of SLIC: how much place counts beside colour.
        hops: superpixels that are at most so many apart are compared.
        border: v at the image's edge.

    Raises:
        InputError: a number out of its range.
    """

    def __init__(
        self,
        segments: tuple[int, ...] = (300, 600, 1200),
        compactness: float = 20.0,
        hops: int = 5,
        border: float = 0.1,
    ) -> None:
        InputError.collect(
            each(whole, 2, segments=segments)
            + above_zero(compactness=compactness)
            + whole(1, hops=hops)
            + positive(border=border)
        )
        self.segments, self.compactness, self.hops, self.border = tuple(segments), compactness, hops, border

    def maps(self, x: Tensor) -> Tensor:
        """Images B×C×H×W in [0, 1] (one channel or three) → maps in [0, 1], B×H×W, on the same device."""
        most = max(2, x.shape[-2] * x.shape[-1] // SMALLEST)
        numbers = sorted({min(n, most) for n in self.segments})
        images = x.detach().clamp(0, 1).expand(-1, 3, -1, -1).permute(0, 2, 3, 1).double().cpu().numpy()
        maps = [np.mean([self._map(image, n) for n in numbers], axis=0) for image in images]
        return torch.from_numpy(np.stack(maps)).to(x)

    def _map(self, image: np.ndarray, segments: int) -> np.ndarray:
        regions = superpixels(image, segments, self.compactness)
        p = probabilities(affinities(regions, self.hops), prior(regions.labels, self.border))
        spread = p.max() - p.min()
        scaled = (p - p.min()) / spread if spread > 1e-12 * p.max() else np.ones_like(p)
        return scaled[regions.labels]


def superpixels(image: np.ndarray, segments: int, compactness: float) -> Regions:
    """SLIC (Achanta et al. 2012) of an image H×W×3 in [0, 1].

    Raises:
        InputError: scikit-image is not installed.
    """
    try:
        from skimage.color import rgb2lab  # noqa: PLC0415  # an extra
        from skimage.segmentation import slic  # noqa: PLC0415
    except ImportError as error:
        raise InputError("superpixels need scikit-image: pip install 'onmanifold[attributions]'") from error
    labels = slic(image, segments, compactness, start_label=0)
    labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    lab, count = rgb2lab(image).reshape(-1, 3), np.bincount(labels.ravel())
    means = np.stack([np.bincount(labels.ravel(), lab[:, c]) for c in range(3)], 1) / count[:, None]
    return Regions(labels, means / max(means.max(), 1.0))


def affinities(regions: Regions, hops: int) -> np.ndarray:
    """w, n×n, symmetric, zero on the diagonal, 1 at most."""
    rings = _rings(regions.labels, hops)
    within = (rings > 0).sum(1)
    alike = 1 / (ALIKE + np.square(regions.colours[:, None] - regions.colours[None]).sum(2))
    in_ring = np.zeros(rings.shape)
    for ring in range(1, hops + 1):
        at = rings == ring
        in_ring[at] = np.broadcast_to(at.sum(1)[:, None], rings.shape)[at]
    w = np.where(rings > 0, alike / np.square(np.maximum(in_ring, 1) * np.maximum(within, 1)), 0.0)
    w = (w + w.T) / 2
    return w / max(w.max(), np.finfo(float).tiny)


def prior(labels: np.ndarray, border: float) -> np.ndarray:
    """v, n: ``border`` where a superpixel touches the image's edge."""
    v = np.zeros(labels.max() + 1)
    v[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = border
    return v


def probabilities(w: np.ndarray, v: np.ndarray) -> np.ndarray:
    """p ∝ (diag v + L)⁻¹ 1 of affinities n×n and a prior n; it adds up to 1."""
    p = solve(np.diag(v + w.sum(1)) - w, np.ones(len(v)), assume_a="pos")
    return p / p.sum()


def _rings(labels: np.ndarray, hops: int) -> np.ndarray:
    """How many steps from superpixel to superpixel, n×n; 0 for more than ``hops``, and for itself."""
    n = labels.max() + 1
    touching = np.zeros((n, n), dtype=bool)
    for a, b in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        touching[a, b] = touching[b, a] = True
    np.fill_diagonal(touching, False)
    steps, rings, reached = touching.astype(np.float32), np.zeros((n, n), dtype=np.int64), np.eye(n, dtype=bool)
    front = reached
    for hop in range(1, hops + 1):
        front = (front.astype(np.float32) @ steps > 0) & ~reached
        rings[front] = hop
        reached = reached | front
    return rings
