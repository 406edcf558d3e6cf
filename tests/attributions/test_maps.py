"""Captum's maps through our protocol: against gradients by hand, batch independence, and what cannot be explained."""

import pytest
import torch
from torch import nn

from attributions import LRP, GradCAM, GradientTimesInput, IntegratedGradients, SmoothGrad
from networks import CNN, MLP, Adapter, InputError, TimmModel, UNet

ALL = {
    "gradient": GradientTimesInput(),
    "integrated": IntegratedGradients(steps=16),
    "smooth": SmoothGrad(samples=4),
    "cam": GradCAM(),
    "lrp": LRP(1e-4),
}
SHAPE = (3, 12, 12)
TARGET = torch.tensor([0, 2, 1, 3, 0])


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def cnn(x: torch.Tensor) -> CNN:
    """One whose normalisation has seen images."""
    torch.manual_seed(1)
    network = CNN(SHAPE, 4, (8, 16))
    for _ in range(30):
        network(torch.rand(16, *SHAPE))
    return network.eval().requires_grad_(False)


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(432, 4)).requires_grad_(False)


def by_hand(network: nn.Module) -> torch.Tensor:
    return network[1].weight[TARGET].view(5, *SHAPE)


@pytest.mark.parametrize("name", ["gradient", "integrated"])
def test_of_a_linear_model_they_are_weight_times_input(name: str, x: torch.Tensor) -> None:
    network = linear()
    assert torch.allclose(ALL[name].maps(network, x, TARGET), (x * by_hand(network)).sum(1), atol=1e-5)


def test_of_a_linear_model_lrp_divides_by_the_output(x: torch.Tensor) -> None:
    """R_i = x_i w_i / (z + ε sign z) · z."""
    network, z = linear(), linear()(x).gather(1, TARGET[:, None])[:, 0]
    wanted = (x * by_hand(network)).sum(1) * (z / (z + 0.1 * z.sign()))[:, None, None]
    assert torch.allclose(LRP(0.1).maps(network, x, TARGET), wanted, atol=1e-5)


def test_of_a_linear_model_smooth_gradients_are_the_weights(x: torch.Tensor) -> None:
    network = linear()
    assert torch.allclose(ALL["smooth"].maps(network, x, TARGET), by_hand(network).abs().sum(1), atol=1e-6)


def test_integrated_gradients_add_up(cnn: CNN, x: torch.Tensor) -> None:
    maps = IntegratedGradients(steps=300, baseline=0.25).maps(cnn, x, TARGET)
    rise = (cnn(x) - cnn(torch.full_like(x, 0.25))).gather(1, TARGET[:, None])[:, 0]
    assert torch.allclose(maps.flatten(1).sum(1), rise, atol=2e-2 * float(rise.abs().max()))


def test_gradients_are_autograds(cnn: CNN, x: torch.Tensor) -> None:
    own = x.clone().requires_grad_()
    (grad,) = torch.autograd.grad(cnn(own).gather(1, TARGET[:, None]).sum(), own)
    assert torch.allclose(ALL["gradient"].maps(cnn, x, TARGET), (grad * x).sum(1), atol=1e-6)


def test_lrp_without_epsilon_is_gradient_times_input(cnn: CNN, x: torch.Tensor) -> None:
    """Of the image as the first layer sees it: the network's own normalisation is passed as by a gradient."""
    own = (x - cnn.mean) / cnn.std
    inside = nn.Sequential(cnn.stages, cnn.pool, cnn.head)
    wanted = ALL["gradient"].maps(inside, own, TARGET)
    maps = LRP(1e-9).maps(inside, own, TARGET)
    assert torch.corrcoef(torch.stack([maps.flatten(), wanted.flatten()]))[0, 1] > 0.99


def test_grad_cam_is_the_papers(cnn: CNN, x: torch.Tensor) -> None:
    """Of the named layer, at its own size: relu of the maps weighted by their mean gradient."""
    kept: list[torch.Tensor] = []
    layer = cnn.stages[0]
    handle = layer.register_forward_hook(lambda module, given, out: kept.append(out))
    own = x.clone().requires_grad_()
    score = cnn(own).gather(1, TARGET[:, None]).sum()
    handle.remove()
    (grad,) = torch.autograd.grad(score, kept[0])
    wanted = (grad.mean((2, 3), keepdim=True) * kept[0]).sum(1).relu()
    assert torch.allclose(GradCAM("stages.0").maps(cnn, x, TARGET), wanted, atol=1e-6)
    in_adapter = GradCAM("stages.0").maps(Adapter(cnn, outputs="logits"), x, TARGET)
    assert torch.allclose(in_adapter, wanted, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_a_map_does_not_depend_on_its_neighbours(name: str, cnn: CNN, x: torch.Tensor) -> None:
    before = {key: value.clone() for key, value in cnn.state_dict().items()}
    state = torch.get_rng_state()
    maps = ALL[name].maps(cnn, x, TARGET)
    assert maps.shape == (5, 12, 12) and not maps.requires_grad and maps.isfinite().all() and maps.abs().max() > 0
    alone = torch.cat([ALL[name].maps(cnn, x[i : i + 1], TARGET[i : i + 1]) for i in range(5)])
    assert torch.allclose(maps, alone, atol=1e-4 * float(maps.abs().max()))
    assert all(torch.equal(before[key], value) for key, value in cnn.state_dict().items()), "left as it was"
    assert torch.equal(state, torch.get_rng_state()) and not any(m._forward_hooks for m in cnn.modules())
    assert not any(hasattr(m, "rule") for m in cnn.modules())


@pytest.mark.parametrize("name", ["gradient", "integrated", "smooth", "cam"])
def test_other_peoples_networks_and_values(name: str, x: torch.Tensor) -> None:
    torch.manual_seed(0)
    timm = TimmModel("resnet18", 4).eval().requires_grad_(False)
    assert ALL[name].maps(timm, x, TARGET).shape == (5, 12, 12)
    unet = UNet(SHAPE, widths=(4, 8)).eval().requires_grad_(False)
    maps = ALL[name].maps(unet, x, None)
    assert maps.shape == (5, 12, 12) and (name == "cam" or maps.abs().sum() > 0)


def test_points_have_values_of_their_own() -> None:
    network = MLP([3], 2, [8]).requires_grad_(False)
    assert ALL["gradient"].maps(network, torch.rand(4, 3), torch.tensor([0, 1, 0, 1])).shape == (4, 3)


def test_what_cannot_be_explained_is_said(cnn: CNN, x: torch.Tensor) -> None:
    with pytest.raises(InputError, match="needs a convolution, and the predictor has none"):
        GradCAM().maps(linear(), x, TARGET)
    with pytest.raises(InputError, match=r"no layer 'stages\.9'; its last ones are .*head"):
        GradCAM("stages.9").maps(cnn, x, TARGET)
    with pytest.raises(InputError, match="layer 'head' has no feature maps"):
        GradCAM("head").maps(cnn, x, TARGET)
    smooth = nn.Sequential(nn.Flatten(), nn.Linear(432, 8), nn.GELU(), nn.Linear(8, 4))
    with pytest.raises(InputError, match="no rule for GELU, which Sequential has: take another"):
        LRP().maps(smooth, x, TARGET)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: IntegratedGradients(steps=1), "steps must be at least 2"),
        (lambda: IntegratedGradients(baseline=float("nan")), "baseline must be a finite number"),
        (lambda: SmoothGrad(noise=0.0), "noise must be positive"),
        (lambda: SmoothGrad(samples=0), "samples must be positive"),
        (lambda: LRP(0.0), "epsilon must be positive"),
    ],
)
def test_numbers_out_of_their_range_are_named(make, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
