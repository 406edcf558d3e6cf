"""Any network of the timm library as a predictor or as a feature extractor."""

from collections.abc import Sequence
from contextlib import nullcontext
from difflib import get_close_matches
from typing import Any, cast

import timm
import torch
from torch import Tensor, nn

from networks.checks import each, finite, positive, whole
from networks.errors import InputError
from networks.imported.reachable import hub_if_reachable
from networks.weights import load_weights, why_not


class TimmModel(nn.Module):
    """A timm network that takes x in [0, 1] and normalises it inside.

    Args:
        name: timm's name, e.g. ``resnet18`` (``timm.list_models()`` lists them).
        num_classes: width K of the logits.
        in_chans: channels of the input image.
        weights: file with the network's state dict (``.safetensors`` or ``.pth``); ``None``
            starts from random weights, ``"pretrained"`` asks timm to download its own.
        mean, std: per-channel normalisation; ``None`` takes the values that the network was
            trained with.

    Shapes:
        x of B×C×H×W → logits of B×K.

    Raises:
        InputError: unknown name, or weights that cannot be had.
    """

    reads_files = ("weights",)  #: left out when a checkpoint is built again: its own weights count
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        num_classes: int,
        in_chans: int = 3,
        weights: str | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        InputError.collect(whole(0, num_classes=num_classes) + whole(1, in_chans=in_chans) + _statistics(mean, std))
        if not timm.is_model(name):
            near = get_close_matches(name, timm.list_models(), n=3)
            advice = f"did you mean {' or '.join(near)}?" if near else "timm.list_models() lists the names"
            raise InputError(f"name: timm has no model {name!r}; {advice}")
        try:
            with hub_if_reachable() if weights == "pretrained" else nullcontext():
                network = timm.create_model(
                    name, pretrained=weights == "pretrained", num_classes=num_classes, in_chans=in_chans
                )
        except Exception as error:  # timm's readers raise whatever their files make them
            raise InputError(f"weights {weights!r} for timm's {name!r} cannot be loaded: {why_not(error)}") from error
        if weights is not None and weights != "pretrained":
            # Not pretrained_cfg_overlay={"file": …}: timm then drops the head where its width is not
            # that of its own pretraining, and the user's classifier would be a random one.
            load_weights(network, weights, f"timm's {name!r}")
        self.network = cast(Any, network)  # typed nn.Module: without forward_head and the like
        self.num_features = self.network.num_features
        config = self.network.pretrained_cfg
        self.register_buffer("mean", _per_channel(mean or config["mean"], in_chans), persistent=False)
        self.register_buffer("std", _per_channel(std or config["std"], in_chans), persistent=False)

    def _normalise(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std

    def feature_maps(self, x: Tensor) -> Tensor:
        """Activations before pooling: B×c×h×w of a convolutional network, B×tokens×c of a transformer."""
        return self.network.forward_features(self._normalise(x))

    def pooled(self, maps: Tensor) -> Tensor:
        """The features of feature maps, B×``num_features``."""
        return self.network.forward_head(maps, pre_logits=True)

    def features(self, x: Tensor) -> Tensor:
        """Pooled penultimate activations, B×``num_features``."""
        return self.pooled(self.feature_maps(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.network(self._normalise(x))


def _statistics(mean: Sequence[float] | None, std: Sequence[float] | None) -> list[str]:
    return ([] if mean is None else each(finite, mean=mean)) + ([] if std is None else each(positive, std=std))


def _per_channel(values: Sequence[float], channels: int) -> Tensor:
    """Statistics as C×1×1; the colour average where the image has another number of channels."""
    v = torch.tensor(values, dtype=torch.float32)
    if len(v) != channels:
        v = v.mean().expand(channels).clone()
    return v.view(-1, 1, 1)
