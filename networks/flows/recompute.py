"""Backpropagation that rebuilds activations through the inverse."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def recomputed(layers: nn.ModuleList, x: Tensor, c: Sequence[Tensor] | None) -> tuple[tuple[Tensor], Tensor]:
    """Forward through ``layers``, remembering nothing but the output.

    Gomez et al. 2017, *The Reversible Residual Network: Backpropagation Without Storing
    Activations*: the backward pass goes from the last layer to the first, inverts each to get its
    input back, and differentiates that layer alone; under the autocast of the forward pass, or it would be
    another function.

    Args:
        layers: invertible layers without randomness (a dropout would be drawn anew) and without
            running statistics (a second pass would count twice).
        x: input, B×….
        c: conditions, which get no gradient.

    Returns:
        Output (z,) and log|det ∂z/∂x| of B.
    """
    weights = [p for p in layers.parameters() if p.requires_grad]
    z, log_det = _Recomputed.apply(layers, c, x, *weights)
    return (z,), log_det


class _Recomputed(torch.autograd.Function):
    # The weights are arguments so that autograd (and DDP's hooks on them) see their gradients.

    @staticmethod
    def forward(ctx: Any, layers: nn.ModuleList, c: Sequence[Tensor] | None, x: Tensor, *weights: Tensor) -> Any:
        ctx.layers, ctx.c, ctx.weights, ctx.autocast = layers, c, weights, _autocast_of(x)
        z, log_det = x, x.new_zeros(len(x))
        for layer in layers:
            (z,), change = layer([z], c)
            log_det = log_det + change
        ctx.save_for_backward(z)
        return z, log_det

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_z: Tensor, grad_log_det: Tensor) -> Any:
        (z,) = ctx.saved_tensors
        gradients: dict[Tensor, Tensor] = {}
        with ctx.autocast():
            for layer in reversed(ctx.layers):
                z, grad_z, of_weights = _through(layer, z, ctx.c, grad_z, grad_log_det)
                for weight, gradient in of_weights:
                    gradients[weight] = gradients[weight] + gradient if weight in gradients else gradient
        return None, None, grad_z, *(gradients.get(w) for w in ctx.weights)


def _autocast_of(x: Tensor) -> Callable[[], torch.autocast]:
    """Makes the autocast that is in force for x.

    Without its cache of converted weights: the inverse fills it without gradients, and the weights that the layer then
    found there would get none.
    """
    device = x.device.type
    dtype, enabled = torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
    return lambda: torch.autocast(device, dtype, enabled, cache_enabled=False)


def _through(
    layer: InvertibleModule, z: Tensor, c: Sequence[Tensor] | None, grad_z: Tensor, grad_log_det: Tensor
) -> tuple[Tensor, Tensor, list[tuple[Tensor, Tensor]]]:
    """One layer backwards: its input, the gradient there, and those of its weights."""
    with torch.no_grad():
        (x,), _ = layer([z], c, rev=True, jac=False)
    weights = [p for p in layer.parameters() if p.requires_grad]
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (again,), log_det = layer([x], c)
        outputs, grads = [again], [grad_z]
        if log_det.requires_grad:  # that of a permutation is a constant
            outputs, grads = [again, log_det], [grad_z, grad_log_det]
        grad_x, *grad_weights = torch.autograd.grad(outputs, [x, *weights], grads, allow_unused=True)
    return x.detach(), grad_x, [(w, g) for w, g in zip(weights, grad_weights, strict=True) if g is not None]
