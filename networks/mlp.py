"""Multilayer perceptron; without hidden layers it is the linear model of the SVM oracle."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from networks.checks import each, finite, positive, whole
from networks.errors import InputError


def mlp(widths: Sequence[int], activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of the given widths (at least in and out), with activations between them."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    return nn.Sequential(*layers[:-1])


def gated_mlp(widths: Sequence[int]) -> nn.Sequential:
    """Gated linear layers h = (W x + b) ⊙ σ(V x + c) of the given widths; W and V are one matrix, for speed.

    Dauphin et al. 2017, *Language Modeling with Gated Convolutional Networks*, eq. 1.
    """
    layers = [nn.Sequential(nn.Linear(fan_in, 2 * fan_out), nn.GLU()) for fan_in, fan_out in pairwise(widths)]
    return nn.Sequential(*layers)


class MLP(nn.Module):
    """Fully connected predictor on flattened input.

    Args:
        shape: shape of one sample, e.g. ``[1, 28, 28]`` or ``[3]`` for points.
        num_classes: width K ≥ 2 of the logits.
        hidden: widths of the hidden layers; ``[]`` gives a linear model.
        mean, std: x is normalised as ``(x - mean) / std`` inside the network.

    Shapes:
        x of B×``shape`` → logits of B×K.
    """

    def __init__(
        self,
        shape: Sequence[int],
        num_classes: int,
        hidden: Sequence[int] = (256,),
        mean: float = 0.5,
        std: float = 0.5,
    ) -> None:
        super().__init__()
        InputError.collect(
            each(whole, 1, shape=shape, hidden=hidden)
            + whole(1, num_classes=num_classes)
            + finite(mean=mean)
            + positive(std=std)
        )
        self.shape = tuple(shape)
        self.mean, self.std = mean, std
        widths = [prod(shape), *hidden]
        self.num_features = widths[-1]
        body = mlp(widths)
        self.body = nn.Sequential(body, nn.ReLU()) if hidden else nn.Identity()
        self.head = nn.Linear(self.num_features, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """Penultimate activations, B×``num_features`` (the flattened input of a linear model)."""
        return self.body(torch.flatten((x - self.mean) / self.std, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))
