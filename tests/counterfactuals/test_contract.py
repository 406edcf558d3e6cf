"""What strangers' networks are, and what they are refused for."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from counterfactuals import Ascent, AtLeast, InputError, LatentSearch, PixelChart, ReachClass, ReachMargin, explain
from counterfactuals.contract import suited, understand
from counterfactuals.goals.labels import ReachLabel
from networks import Adapter


class Net(nn.Module):
    """A linear classifier of 8×8 images, whose logits go through ``after``."""

    def __init__(self, after: Callable[[Tensor], Any], classes: int = 3, before: Any = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.after, self.before = nn.Linear(64, classes), after, before

    def forward(self, x: Tensor) -> Any:
        x = x if self.before is None else self.before(x)
        return self.after(20 * self.linear(x.flatten(1)))


def in_place(x: Tensor) -> Tensor:
    x -= 0.5
    return x.div_(0.25)


def apart(x: Tensor) -> Tensor:
    return (x - 0.5) / 0.25


@pytest.fixture
def x() -> Tensor:
    return torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def found(net: nn.Module, x: Tensor, target: Any = 1, method: Any = None) -> Any:
    return explain(net, PixelChart((1, 8, 8)), x, target, method or Ascent(step_size=0.02, max_steps=200))


@pytest.mark.filterwarnings("ignore:the outputs of Net")
@pytest.mark.parametrize(
    ("after", "outputs"),
    [
        (lambda y: y.softmax(1), "probabilities"),
        (lambda y: y.log_softmax(1), "logits"),
        (lambda y: SimpleNamespace(logits=y), "logits"),
        (lambda y: {"logits": y}, "logits"),
        (lambda y: (y, None), "logits"),
        (lambda y: y.double(), "logits"),
    ],
)
def test_the_same_counterfactuals_whatever_is_returned(x: Tensor, after: Any, outputs: str) -> None:
    plain, other = found(Net(lambda y: y), x), found(Net(after), x)
    assert understand(Net(after), x, of_values=False).outputs == outputs
    assert plain.flipped.any() and torch.equal(plain.status, other.status)
    assert torch.allclose(plain.counterfactual, other.counterfactual, atol=1e-4)
    assert torch.allclose(plain.confidence, other.confidence, atol=1e-4)


@pytest.mark.filterwarnings("ignore:the outputs of Net")
@pytest.mark.parametrize("after", [lambda y: y, lambda y: y[:, 0], lambda y: y.sigmoid(), lambda y: y[:, 0].sigmoid()])
def test_one_number_is_two_classes(x: Tensor, after: Any) -> None:
    two = Net(lambda y: torch.cat([torch.zeros_like(y), y], 1), classes=1)
    for target in (0, 1):
        plain, other = found(two, x, target), found(Net(after, classes=1), x, target)
        assert plain.flipped.any() and torch.equal(plain.status, other.status)
        assert torch.equal(plain.source, other.source)
        assert torch.allclose(plain.counterfactual, other.counterfactual, atol=1e-3)


def test_a_network_that_works_in_place_gets_its_own_copy(x: Tensor) -> None:
    given = x.clone()
    with pytest.warns(UserWarning, match="changes its input in place: it is given copies"):
        changed = found(Net(lambda y: y, before=in_place), x)
    apart_from_it = found(Net(lambda y: y, before=apart), x)
    assert torch.equal(x, given) and torch.equal(changed.x, given)
    assert changed.flipped.any() and torch.allclose(changed.counterfactual, apart_from_it.counterfactual, atol=1e-5)


class Boom(Exception):
    pass


def boom(y: Tensor) -> Tensor:
    raise Boom("it broke")


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (boom, r"Net cannot take images of shape \(1, 8, 8\): Boom: it broke"),
        (lambda y: y[0, 99], "IndexError"),
        (lambda y: y.squeeze(), r"returned shape \(3,\) for one sample, \(2, 3\) for two: take squeeze\(\) out"),
        (lambda y: y.detach(), "Net returns values without a gradient"),
        (lambda y: y.detach().numpy(), "returned a ndarray"),
        (lambda y: y.argmax(1), "floating-point numbers; it returned int64"),
        (lambda y: y * torch.nan, "Net gives NaN for all samples"),
        (lambda y: y - y.mean(0), "Net answers an image differently when another is beside it"),
        (lambda y: y[:1], r"for 6 samples it returned shape \(1, 3\)"),
        (lambda y: y[:, :, None, None], r"it returned shape \(6, 3, 1, 1\)"),
        (lambda y: y.sum(), r"it returned \(\)|it returned shape \(\)"),
        (lambda y: (y, y), "returns several tensors"),
        (lambda y: 100 * y.softmax(1), "Net returns percentages, which add up to 100"),
    ],
)
def test_networks_that_cannot_be_explained(x: Tensor, after: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        found(Net(after), x)


def test_batch_statistics_are_refused(x: Tensor) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.Linear(8, 2))
    with pytest.raises(InputError, match="normalises by the batch"):
        found(net, x)


def test_what_is_noticed_is_said(x: Tensor) -> None:
    net = Net(lambda y: nn.functional.dropout(y, 0.3))
    with pytest.warns(UserWarning, match="answers the same image differently each time"):
        found(net, x)
    (remark,) = understand(Net(lambda y: y.round()), x, of_values=False).remarks
    assert "the gradient of Net is zero on images as they are" in remark
    found(Net(lambda y: y.detach()), x, method=LatentSearch(samples=2, max_steps=1))  # which needs none


def test_settings_count_and_a_plain_network_stays_itself(x: Tensor) -> None:
    net = Net(lambda y: y)
    assert understand(net, x, of_values=False).predictor is net
    adapter = Adapter(net, outputs="multi-label")
    assert understand(adapter, x, of_values=False).outputs == "multi-label"
    with pytest.raises(InputError, match="which are no probabilities"):
        understand(Adapter(net, outputs="probabilities"), x, of_values=False)
    with pytest.raises(InputError, match="3 numbers a sample, which are no single logit"):
        understand(Adapter(net, outputs="single logit"), x, of_values=False)
    assert understand(Net(lambda y: y, classes=1), x, of_values=True).outputs == "values"


def test_objectives_for_labels() -> None:
    assert suited(ReachClass(0.8), "multi-label").confidence == 0.8  # type: ignore[attr-defined]
    assert isinstance(suited(ReachClass(), "multi-label probabilities"), ReachLabel)
    for objective, outputs in ((ReachMargin(), "multi-label"), (AtLeast(), "multi-label"), (ReachLabel(), "values")):
        with pytest.raises(InputError, match=r"multi-label models|do not exclude each other"):
            suited(objective, outputs)


@pytest.mark.parametrize("shape", ["(6,)", "()"])
@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.float32])
def test_targets_of_numpy(x: Tensor, shape: str, kind: Any) -> None:
    one = np.ones((6,) if shape == "(6,)" else (), dtype=kind)
    for target in (one, torch.from_numpy(one), one.tolist()):
        assert found(Net(lambda y: y), x, target, Ascent(max_steps=1)).target.tolist() == [1] * 6
    for wrong in (one * 1.9, torch.tensor(1.9), np.float64(2.9), [1.9] * 6):
        with pytest.raises(InputError, match="whole number"):
            found(Net(lambda y: y), x, wrong)


def test_images_of_any_layout_in_memory(x: Tensor) -> None:
    """H×W×C images, permuted: the same result."""
    turned = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    wide = torch.rand(6, 8, 8, 3).permute(0, 3, 1, 2)
    assert not wide.is_contiguous()
    net = nn.Sequential(nn.Conv2d(3, 2, 8), nn.Flatten())
    a, b = (explain(net, PixelChart((3, 8, 8)), y, 1, Ascent(max_steps=3)) for y in (wide, wide.contiguous()))
    assert torch.equal(a.counterfactual, b.counterfactual)
    assert torch.equal(found(Net(lambda y: y), turned).status, found(Net(lambda y: y), x).status)


@pytest.mark.parametrize("make", [torch.jit.script, lambda m: torch.jit.freeze(torch.jit.script(m.eval()))])
def test_torchscript(x: Tensor, make: Any) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 3)).eval()
    a, b = found(net, x), found(make(net), x)
    assert torch.equal(a.status, b.status) and torch.allclose(a.confidence, b.confidence, atol=1e-5)


def test_an_untrained_networks_logits_are_no_probabilities() -> None:
    """They may all lie in [0, 1] for images, and for noise: far beyond images they do not."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with torch.no_grad():
        net[1].weight.mul_(0.01)
        net[1].bias.copy_(torch.tensor([0.3, 0.4, 0.2]))
    x = torch.rand(6, 1, 8, 8)
    assert bool(((net(x) >= 0) & (net(x) <= 1)).all()) and understand(net, x, of_values=False).outputs == "logits"


def test_layers_without_weights_are_named() -> None:
    with pytest.raises(InputError, match="Sequential has lazy layers that have never seen an image"):
        found(nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), torch.rand(2, 1, 8, 8))


def test_advice_on_channels_and_sizes() -> None:
    grey, colour = torch.rand(2, 1, 8, 8), torch.rand(2, 3, 8, 8)
    for x, channels, said in ((grey, 3, "three means"), (colour, 1, "--data.grey true"), (colour, 4, "of 4 channels")):
        net = nn.Sequential(nn.Conv2d(channels, 2, 3), nn.Flatten(), nn.Linear(72, 2))
        with pytest.raises(InputError, match=said):
            explain(net, PixelChart(tuple(x.shape[1:])), x, 1)
    with pytest.raises(InputError, match=r"--model.adapter.size 224"):
        explain(nn.Sequential(nn.Flatten(), nn.Linear(99, 2)), PixelChart((1, 8, 8)), grey, 1)
    three = Adapter(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 2)), mean=[0, 0, 0])
    assert len(explain(three, PixelChart((1, 8, 8)), grey, 1, Ascent(max_steps=1))) == 2


def test_images_of_nan_are_not_the_models_fault(x: Tensor) -> None:
    with pytest.raises(InputError, match="x holds NaN or infinite numbers in every one of its 6 samples"):
        found(Net(lambda y: y), x * torch.nan)
    some = torch.cat([x[:1] * torch.nan, x])
    assert "the input x is not finite" in found(Net(lambda y: y), some).reasons[0]
