"""Fréchet distance between two sets of images in the features of an injected extractor."""

from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance


class FID(FrechetInceptionDistance):
    """FID (Heusel et al. 2017) on any extractor x → B×``num_features``, for images in [0, 1].

    Torchmetrics' metric with four of its edges taken off: the extractor's input size comes from
    the images, a Fréchet distance below zero (rounding, with fewer images than features) is
    zero, too few images give NaN instead of an exception at the end of a long run, and so do features that
    are not finite, on which LAPACK may end the process.

    Values compare only within one extractor.
    """

    def __init__(self, extractor: nn.Module, shape: tuple[int, ...], **kwargs: Any) -> None:
        super().__init__(feature=extractor, input_img_size=shape, **kwargs)  # type: ignore[arg-type]  # typed for 3 ints

    def compute(self) -> Tensor:
        if min(self.real_features_num_samples, self.fake_features_num_samples) < 2:
            return torch.tensor(float("nan"))
        sums = (self.real_features_cov_sum, self.fake_features_cov_sum)
        if not all(total.isfinite().all() for total in sums):
            return torch.tensor(float("nan"))
        return super().compute().clamp(min=0)
