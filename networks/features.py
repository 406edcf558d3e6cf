"""A predictor's penultimate layer as a feature extractor."""

from typing import Any, cast

from torch import Tensor, nn

from networks.errors import InputError


class Features(nn.Module):
    """x → penultimate activations B×``num_features`` of a network that has ``features``.

    torchmetrics' FID reads ``num_features`` and calls the module, never ``eval()``: so this one
    is frozen and stays in evaluation mode.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        if not (hasattr(network, "features") and hasattr(network, "num_features")):
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
