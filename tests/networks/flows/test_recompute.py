from functools import partial

import torch

from networks import Glow, RealNVP
from networks.flows import ActNorm, Chain, ChannelCoupling, ConvNet, Flow, LUConv, Permute
from tests.networks.flows.identities import perturb


def gradients(flow: Flow, x: torch.Tensor) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    (-flow.log_prob(x).mean()).backward()
    assert x.grad is not None
    result = [x.grad, *(p.grad.clone() for p in flow.parameters() if p.grad is not None)]
    flow.zero_grad()
    return result


def test_gradients_are_the_plain_ones() -> None:
    x = torch.rand(4, 1, 8, 8, dtype=torch.float64)
    for make in (
        partial(Glow, [1, 8, 8], 3, 2, partial(ConvNet, width=8), alpha=0.05),
        partial(RealNVP, [1, 8, 8], 4, 1),
    ):
        plain = make().double().train()
        plain(x)  # initialises ActNorm
        perturb(plain, 0.05)
        again = make(recompute=True).double().train()
        again.load_state_dict(plain.state_dict())
        for a, b in zip(gradients(plain, x), gradients(again, x), strict=True):
            assert torch.allclose(a, b, rtol=1e-6, atol=1e-9)


def test_the_first_batch_initialises_as_without() -> None:
    x = 5 + 3 * torch.randn(16, 2, 4, 4)
    layers = [ActNorm([(2, 4, 4)]), Permute([(2, 4, 4)]), ActNorm([(2, 4, 4)])]
    chain = Chain([(2, 4, 4)], None, layers, recompute=True).train()
    (z,), _ = chain([x])
    assert z.mean().abs() < 1e-5 and abs(z.std() - 1) < 1e-2
    z.sum().backward()


def test_nothing_is_stored_but_the_output() -> None:
    """The tensors that autograd saves do not grow with depth."""

    def saved_bytes(depth: int, recompute: bool) -> int:
        layers = [
            layer
            for _ in range(depth)
            for layer in (LUConv([(4, 8, 8)]), ChannelCoupling([(4, 8, 8)], None, partial(ConvNet, width=8)))
        ]
        chain = Chain([(4, 8, 8)], None, layers, recompute).train()
        sizes = []

        def pack(t: torch.Tensor) -> torch.Tensor:
            if t.dim() == 4 and len(t) == 16:  # activations, not weights
                sizes.append(t.nbytes)
            return t

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            chain([torch.randn(16, 4, 8, 8)])
        return sum(sizes)

    assert saved_bytes(8, True) == saved_bytes(1, True) <= 16 * 4 * 8 * 8 * 4
    assert saved_bytes(8, False) > 6 * saved_bytes(1, False)
