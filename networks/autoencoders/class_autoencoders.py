"""One autoencoder for every class, and one for all of them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from networks.errors import InputError


class ClassAutoencoders(nn.Module):
    """AE_0 … AE_{K−1}, each for the samples of one class, and AE for those of all classes.

    Van Looveren and Klaise 2019 (arXiv 1907.02584) judge counterfactuals by them; see ``metrics.im1``.

    Args:
        autoencoder: makes one of them: a module x of B×``shape`` → B×``shape`` that takes empty batches.
        num_classes: K ≥ 2.

    Attributes:
        by_class: AE_0 … AE_{K−1}.
        overall: AE.
        shape: of one sample; ``None`` where the autoencoders do not say it.

    Raises:
        InputError: fewer than two classes.
    """

    def __init__(self, autoencoder: Callable[[], nn.Module], num_classes: int) -> None:
        super().__init__()
        if num_classes < 2:
            raise InputError(f"class autoencoders need at least two classes; num_classes is {num_classes}")
        self.num_classes = num_classes
        self.by_class = nn.ModuleList(autoencoder() for _ in range(num_classes))
        self.overall = autoencoder()
        self.shape: tuple[int, ...] | None = getattr(self.overall, "shape", None)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """AE_y(x): every sample through the autoencoder of the class that is named for it.

        A class that is not named gets an empty batch, and so gradients of zero rather than none:
        distributed training waits for the gradient of every parameter.

        Shapes:
            x of B×``shape``, y of B int64 in 0 … K−1 → B×``shape``.
        """
        order = y.argsort()
        parts = x[order].split(y.bincount(minlength=self.num_classes).tolist())
        decoded = [autoencoder(part) for autoencoder, part in zip(self.by_class, parts, strict=True)]
        return torch.cat(decoded)[order.argsort()]
