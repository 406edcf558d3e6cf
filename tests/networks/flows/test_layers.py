"""The identities of every invertible layer on images and vectors."""

from functools import partial

import pytest
import torch
from torch import nn

from networks import InputError
from networks.flows import (
    ActNorm,
    Centre,
    ChannelCoupling,
    CheckerboardCoupling,
    CircularConv,
    ConvNet,
    LUConv,
    Marginals,
    PeriodicConv,
    Permute,
    ResNet,
    Squeeze,
    SVDConv,
    SVDLinear,
    Whiten,
)
from tests.networks.flows.identities import check_layer, perturb

IMAGE = [(4, 4, 6)]
SUBNET = partial(ConvNet, width=8)
LAYERS = {
    "actnorm": lambda: ActNorm(IMAGE),
    "actnorm-vector": lambda: ActNorm([(5,)]),
    "centre": lambda: Centre(IMAGE, gain=2.0),
    "squeeze": lambda: Squeeze(IMAGE),
    "permute": lambda: Permute(IMAGE),
    "whiten": lambda: Whiten(IMAGE),
    "lu": lambda: LUConv(IMAGE),
    "svd": lambda: SVDConv(IMAGE),
    "svd-few": lambda: SVDConv(IMAGE, num_reflections=2),
    "svd-vector": lambda: SVDLinear([(5,)]),
    "periodic": lambda: PeriodicConv(IMAGE),
    "periodic-odd": lambda: PeriodicConv([(2, 5, 5)], kernel_size=5),
    "circular": lambda: CircularConv(IMAGE),
    "circular-odd": lambda: CircularConv([(3, 5, 5)]),
    "channel-affine": lambda: ChannelCoupling(IMAGE, None, SUBNET),
    "channel-additive": lambda: ChannelCoupling(IMAGE, None, SUBNET, affine=False),
    "channel-swap": lambda: ChannelCoupling([(3, 4, 4)], None, SUBNET, swap=True),
    "channel-odd": lambda: ChannelCoupling([(3, 4, 4)], None, partial(ResNet, width=8, num_blocks=1, groups=2)),
    "checkerboard-affine": lambda: CheckerboardCoupling(IMAGE, None, SUBNET),
    "checkerboard-additive": lambda: CheckerboardCoupling(IMAGE, None, SUBNET, affine=False),
    "checkerboard-swap": lambda: CheckerboardCoupling([(1, 5, 4)], None, SUBNET, swap=True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_identities(name: str) -> None:
    layer = LAYERS[name]().double()
    perturb(layer)
    check_layer(layer.eval(), torch.randn(3, *layer.dims_in[0], dtype=torch.float64))


@pytest.mark.parametrize("kind", [ChannelCoupling, CheckerboardCoupling])
def test_conditional_couplings(kind: type) -> None:
    layer = kind(IMAGE, [(3,)], SUBNET).double().eval()
    perturb(layer)
    x = torch.randn(2, *IMAGE[0], dtype=torch.float64)
    c = torch.eye(3, dtype=torch.float64)
    check_layer(layer, x, [c[:1].expand(2, -1)])
    first, second = (layer([x], [c[i : i + 1].expand(2, -1)])[0][0] for i in (0, 1))
    assert not torch.allclose(first, second)


def test_conditional_whitening_is_the_log_density_of_the_prior() -> None:
    layer = Whiten([(2, 1, 1)], [(3,)]).double()
    perturb(layer, 0.5)
    h, c = torch.randn(4, 2, 1, 1, dtype=torch.float64), torch.rand(4, 3, dtype=torch.float64)
    check_layer(layer, h[:1], [c[:1]])
    (z,), log_det = layer([h], [c])
    mean, log_std = (torch.cat([torch.ones(4, 1), c], 1) @ layer.prior).chunk(2, 1)
    base = torch.distributions.Normal(0.0, 1.0).log_prob(z.flatten(1)).sum(1)
    expected = torch.distributions.Normal(mean, log_std.exp()).log_prob(h.flatten(1)).sum(1)
    assert torch.allclose(base + log_det, expected)


def test_a_coupling_changes_its_half_alone() -> None:
    x = torch.randn(2, *IMAGE[0])
    for swap in (False, True):
        layer = ChannelCoupling(IMAGE, None, SUBNET, swap=swap)
        perturb(layer)
        changed = (layer([x])[0][0] != x).any(dim=(0, 2, 3))
        assert changed.tolist() == ([True] * 2 + [False] * 2 if swap else [False] * 2 + [True] * 2)
        board = CheckerboardCoupling(IMAGE, None, SUBNET, swap=swap)
        perturb(board)
        changed = (board([x])[0][0] != x).any(dim=(0, 1))
        expected = (torch.arange(4)[:, None] + torch.arange(6)) % 2 == (0 if swap else 1)
        assert torch.equal(changed, expected)


@pytest.mark.parametrize("kind", [ChannelCoupling, CheckerboardCoupling])
def test_every_coupling_starts_as_the_identity(kind: type) -> None:
    x = torch.randn(2, *IMAGE[0])
    for subnet in (SUBNET, partial(ResNet, width=8, num_blocks=2)):
        (z,), log_det = kind(IMAGE, None, subnet)([x])
        assert torch.equal(z, x) and not log_det.any()


def test_a_coupling_without_a_subnet_is_an_error() -> None:
    with pytest.raises(TypeError, match="needs a subnet"):
        ChannelCoupling(IMAGE)


def test_squeeze_gathers_blocks_and_refuses_odd_sides() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert Squeeze([(1, 4, 4)])([x])[0][0][0, :, 0, 0].tolist() == [0, 1, 4, 5]
    with pytest.raises(InputError, match="7×7 cannot be squeezed"):
        Squeeze([(1, 7, 7)])


def test_lu_starts_as_a_rotation_and_leaves_the_random_state_alone() -> None:
    state = torch.get_rng_state()
    layer = LUConv([(6, 1, 1)])
    assert torch.equal(torch.get_rng_state(), state)
    w = layer._compute_weight()
    assert torch.allclose(w @ w.T, torch.eye(6), atol=1e-5)
    assert torch.allclose(layer([torch.randn(2, 6, 1, 1)])[1], torch.zeros(2), atol=1e-5)


def test_periodic_convolution_is_the_convolution_of_a_repeated_image() -> None:
    layer = PeriodicConv([(2, 4, 4)])
    perturb(layer, 0.3)
    x = torch.randn(1, 2, 4, 4)
    repeated = nn.functional.conv2d(x.repeat(1, 1, 3, 3), layer.kernel, padding=1)[:, :, 4:8, 4:8]
    assert torch.allclose(layer([x])[0][0], repeated, atol=1e-5)


@pytest.mark.parametrize("size", [2, 6])
def test_periodic_kernels_must_be_odd_and_fit(size: int) -> None:
    with pytest.raises(InputError, match=f"at most 5, the image's side; got {size}"):
        PeriodicConv([(2, 5, 5)], kernel_size=size)


def test_circular_convolution_is_the_direct_sum() -> None:
    layer = CircularConv([(2, 3, 4)]).double()
    perturb(layer, 0.3)
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64)
    expected = torch.zeros_like(x)
    for a in range(2):
        for b in range(3):
            for d in range(4):
                expected += layer.kernel[a, b, d] * x.roll((a, b, d), (1, 2, 3))
    assert torch.allclose(layer([x])[0][0], expected)


def test_marginals_identities() -> None:
    layer = Marginals([(2, 3, 3)], levels=256, bins=8).double()
    perturb(layer, 0.5)
    check_layer(layer.eval(), torch.rand(3, 2, 3, 3, dtype=torch.float64))


def test_marginals_make_every_pixel_normal_from_its_first_batch() -> None:
    """Black pixels with a few bright ones, as in MNIST; a second batch of the same kind is normal, too."""

    def images(n: int) -> torch.Tensor:
        bright = torch.rand(n, 1, 2, 2) < torch.tensor([[0.0, 0.1], [0.5, 1.0]])
        grey = torch.where(bright, torch.randint(0, 256, (n, 1, 2, 2)), torch.zeros(()))
        return (grey + torch.rand(n, 1, 2, 2) - 0.5) / 255

    layer = Marginals([(1, 2, 2)]).train()
    layer([images(2000)])
    (z,), _ = layer([images(20_000)])
    assert z.mean(0).abs().max() < 0.1 and (z.std(0) - 1).abs().max() < 0.1
    assert z.abs().max() < 3.2


def test_marginals_are_linear_beyond_the_grey_values() -> None:
    """A search may leave [0, 1]; the spline must go on, or its gradient vanishes."""
    layer = Marginals([(1, 1, 1)], bins=4).double()
    perturb(layer, 0.5)
    z = torch.linspace(-3.4, 3.4, 200, dtype=torch.float64).view(-1, 1, 1, 1)
    (x,), _ = layer([z], rev=True)
    assert (x.diff(dim=0) > 0).all()
    low, high = x.min(), x.max()
    assert low < -0.5 / 255 and high > 1 + 0.5 / 255


@pytest.mark.parametrize("bins", [2, 7])
def test_marginals_need_an_even_number_of_bins(bins: int) -> None:
    with pytest.raises(InputError, match=f"even number from 4; got {bins}"):
        Marginals([(1, 2, 2)], bins=bins)
