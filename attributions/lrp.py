"""Attribution by layers' relevance."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, cast

import torch
from torch import Tensor, nn

from attributions.attribution import asking, by_pixel, captum, outputs_of
from networks.adapter import name_of
from networks.checks import positive
from networks.errors import InputError

WEIGHTED, TINY = (nn.Conv2d, nn.Linear), 1e-9  # layers that ε is for; what others divide by must not be 0
LINEAR = (nn.Flatten, nn.Identity, nn.Unflatten, nn.Upsample, nn.AdaptiveMaxPool2d, nn.BatchNorm1d)


class LRP:
    """Layer-wise relevance propagation, R_i = Σ_j x_i w_ij / (z_j + ε sign z_j) R_j (Bach et al. 2015, eq. 58).

    For chains of convolutions, linear layers, batch normalisation, pooling and ReLU. What a ``forward`` does besides
    them is passed as by a gradient, and so a residual network's sums hand the whole relevance to both of their parts.

    Args:
        epsilon: ε of convolutions and linear layers, in units of their outputs: as it goes to 0, the map becomes
            gradient × input.

    Raises:
        InputError: a number out of its range; on use, a layer that has no rule.
    """

    def __init__(self, epsilon: float = 1e-2) -> None:
        InputError.collect(positive(epsilon=epsilon))
        self.epsilon = epsilon

    def maps(self, predictor: nn.Module, x: Tensor, target: Tensor | None) -> Tensor:
        rules, lrp = captum("captum.attr._utils.lrp_rules"), captum("captum.attr._core.lrp")
        own = deepcopy(predictor)  # captum leaves rules and hooks in it where it fails
        for module in cast(Iterable[Any], own.modules()):
            if next(module.children(), None) is not None:
                continue
            if type(module) in (*lrp.SUPPORTED_LAYERS_WITH_RULES, *LINEAR):
                module.rule = rules.EpsilonRule(self.epsilon if isinstance(module, WEIGHTED) else TINY)
            elif type(module) not in lrp.SUPPORTED_NON_LINEAR_LAYERS:
                raise InputError(
                    f"LRP has no rule for {type(module).__name__}, which {name_of(predictor)} has: take another "
                    "attribution, such as IntegratedGradients"
                )
            if isinstance(module, nn.ReLU):
                module.inplace = False
        with torch.enable_grad():
            return by_pixel(captum().LRP(_Outputs(own, target)).attribute(asking(x), target=target))


class _Outputs(nn.Module):
    """What is explained, as the module that captum wants."""

    def __init__(self, predictor: nn.Module, target: Tensor | None) -> None:
        super().__init__()
        self.predictor, self.of_classes = predictor, target is not None

    def forward(self, x: Tensor) -> Tensor:
        return outputs_of(self.predictor, torch.empty(0) if self.of_classes else None)(x)
