"""What every invertible layer and every flow must satisfy, in float64."""

from collections.abc import Sequence

import torch
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from networks.flows import Flow


def perturb(module: nn.Module, amount: float = 0.1) -> None:
    """Move every weight away from its start, as training would."""
    with torch.no_grad():
        for p in module.parameters():
            p.add_(amount * torch.randn_like(p))


def slogdet_of(f, x: Tensor) -> Tensor:
    """log|det ∂f/∂x| at every row of x by autograd."""
    return torch.stack(
        [
            torch.linalg.slogdet(
                torch.autograd.functional.jacobian(lambda v: f(v[None]).flatten(), row).reshape(row.numel(), -1)
            ).logabsdet
            for row in x
        ]
    )


def check_layer(layer: InvertibleModule, x: Tensor, c: Sequence[Tensor] | None = None) -> None:
    """Round trips, log-determinants, shapes and gradients of one layer at x (float64)."""
    (z,), log_det = layer([x], c)
    assert tuple(z.shape[1:]) == tuple(layer.output_dims([tuple(x.shape[1:])])[0])
    assert log_det.shape == (len(x),)
    (back,), log_det_back = layer([z], c, rev=True)
    assert (back - x).abs().max() <= 1e-10
    assert (log_det + log_det_back).abs().max() <= 1e-8
    one = None if c is None else [v[:1] for v in c]
    if c is None or len({tuple(v[0].tolist()) for v in c}) == 1:
        expected = slogdet_of(lambda v: layer([v], one)[0][0], x)
        assert (log_det - expected).abs().max() <= 1e-8
    check_gradients(layer, (z.square().sum() + log_det.sum()))


def check_start_and_beyond(layer: InvertibleModule) -> None:
    """``check_layer`` on random input, with the weights as they start and away from there."""
    layer = layer.double().eval()
    x = torch.randn(3, *layer.dims_in[0], dtype=torch.float64)
    (z,), _ = layer([x])
    (back,), _ = layer([z], rev=True)
    assert (back - x).abs().max() <= 1e-10
    perturb(layer)
    check_layer(layer, x)


def check_trained_flow(flow: Flow) -> None:
    """``check_flow`` after a first batch, with the weights moved as in training."""
    flow = flow.double()
    x = torch.rand(3, *flow.shape, dtype=torch.float64)
    flow.train()(x)
    perturb(flow, 0.03)
    check_flow(flow.eval(), x)


def check_conditional_flow(flow: Flow) -> None:
    """Round trip, and that the condition matters, of a flow conditional on three classes."""
    flow = flow.double()
    x, y = torch.rand(4, *flow.shape, dtype=torch.float64), torch.tensor([0, 1, 2, 2])
    flow.train()(x, y)
    perturb(flow, 0.03)
    z, log_det = flow.eval()(x, y)
    assert (flow.inverse(z, y) - x).abs().max() < 1e-10
    assert torch.allclose(flow(x, torch.eye(3)[y]).z, z)  # as attribute vectors
    assert not torch.allclose(flow(x, (y + 1) % 3).log_det, log_det)


def check_flow(flow: Flow, x: Tensor) -> None:
    """Round trips, log-determinants and gradients of a whole flow at x (float64)."""
    z, log_det = flow(x)
    assert z.shape == (len(x), flow.dim) and log_det.shape == (len(x),)
    assert (flow.inverse(z) - x).abs().max() <= 1e-10
    assert (log_det - slogdet_of(lambda v: flow(v).z, x)).abs().max() <= 1e-8
    check_gradients(flow, flow.log_prob(x).sum())


def check_gradients(module: nn.Module, loss: Tensor) -> None:
    """Every weight gets a gradient that is finite and not zero."""
    names = [n for n, _ in module.named_parameters()]
    if not names:
        return
    gradients = torch.autograd.grad(loss, list(module.parameters()), allow_unused=True)
    for name, gradient in zip(names, gradients, strict=True):
        assert gradient is not None, f"no gradient reaches {name}"
        assert gradient.isfinite().all() and gradient.abs().sum() > 0, name
