"""Structural similarity of images."""

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

SIGMA = 1.5  # of the Gaussian window, as in Wang et al. 2004


def similarity(x: Tensor, other: Tensor) -> Tensor:
    """SSIM of every pair of images (n×C×H×W in [0, 1]), n in [−1, 1]; NaN where one is not finite.

    Wang et al. 2004, *Image Quality Assessment: From Error Visibility to Structural Similarity*. The
    window is a Gaussian of 11 pixels. An image of less has a smaller one, of equal weights; and windows lie inside the
    image, so that one of 8×8 pixels is judged by 2×2 windows of 7×7.
    """
    side = min(11, *(n - 1 + n % 2 for n in x.shape[-2:]))
    if side < 3:
        return torch.full((len(x),), torch.nan)
    # One by one would be slow, all at once takes sixteen times the memory of the images.
    parts = [
        structural_similarity_index_measure(
            a, b, gaussian_kernel=side == 11, sigma=SIGMA, kernel_size=side, data_range=1.0, reduction="none"
        )
        for a, b in zip(x.split(256), other.split(256), strict=True)
    ]
    return torch.cat([torch.atleast_1d(p) for p in parts])  # type: ignore[arg-type]
