"""A predictor's penultimate layer as a feature extractor."""

from typing import Any, cast

from torch import Tensor, nn

from networks.errors import InputError

SPATIAL = 512  # numbers kept of an image's feature maps: a Fréchet distance wants more images than that


def has_features(network: nn.Module) -> bool:
    """Whether a network gives its penultimate activations; torchvision's have layers called ``features`` alone."""
    return hasattr(network, "features") and hasattr(network, "num_features")


class Features(nn.Module):
    """x → penultimate activations B×``num_features`` of a network that has ``features``.

    torchmetrics' FID reads ``num_features`` and calls the module, never ``eval()``: so this one
    is frozen and stays in evaluation mode.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        if not has_features(network):
            raise InputError(
                f"{type(network).__name__} cannot extract features: it needs a method features(x) -> B×d "
                "and an integer num_features, as CNN, MLP and TimmModel have"
            )
        self.network = cast(Any, network.requires_grad_(False))  # nn.Module has neither of the two
        self.num_features = int(self.network.num_features)
        self.eval()

    def train(self, mode: bool = True) -> "Features":
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.network.features(x)

    def with_maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features, and beside them the first feature maps, flattened, B×d with d ≤ ``SPATIAL``; B×0 without maps.

        The maps keep where things are, which pooling forgets: the spatial FID of Nash et al. 2021 (arXiv
        2103.03841, 3.4), which takes 7 maps of Inception's 17×17.
        """
        if not hasattr(self.network, "feature_maps"):
            return self(x), x.new_zeros(len(x), 0)
        maps = self.network.feature_maps(x)
        first = maps[:, : max(1, SPATIAL // maps[0, 0].numel())]
        return self.network.pooled(maps), first.flatten(1)
