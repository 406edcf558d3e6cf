import pytest
import torch
from torch import nn

from counterfactuals import Ascent, EveryOther, FeatureL2, InputError, Value, explain
from counterfactuals.call import call


def test_policies_expand_to_rows(linear_chart, linear_predictor) -> None:
    x = torch.randn(5, 6)
    cf = explain(linear_predictor, linear_chart, x, EveryOther())
    assert len(cf) == 10
    assert torch.equal(cf.x[::2], x) and torch.equal(cf.x[1::2], x)
    assert (cf.target != cf.source).all()


def test_any_module_is_a_predictor(linear_chart) -> None:
    predictor = nn.Sequential(nn.Linear(6, 20), nn.BatchNorm1d(20), nn.Dropout(0.5), nn.ReLU(), nn.Linear(20, 2))
    x = torch.randn(8, 6)
    first, second = explain(predictor, linear_chart, x, 1), explain(predictor, linear_chart, x, 1)
    assert torch.equal(first.z_prime, second.z_prime), "dropout and BatchNorm must be in evaluation mode"


def test_clear_errors(linear_chart, linear_predictor) -> None:
    x = torch.randn(4, 6)
    with pytest.raises(InputError, match="target class 7 is out of range"):
        explain(linear_predictor, linear_chart, x, 7)
    with pytest.raises(InputError, match="target class 5 is out of range"):
        explain(linear_predictor, linear_chart, x, torch.tensor([0, 1, 5, 1]))
    with pytest.raises(InputError, match="one entry for each of 4 samples"):
        explain(linear_predictor, linear_chart, x, torch.tensor([0, 1]))
    with pytest.raises(InputError, match=r"shape \(5,\) do not fit the chart, which was trained on \(6,\)"):
        explain(linear_predictor, linear_chart, torch.randn(4, 5), 1)
    with pytest.raises(InputError, match=r"Linear cannot take images of shape \(6,\)"):
        explain(nn.Linear(9, 2), linear_chart, x, 1)
    with pytest.raises(InputError, match=r"B or B×1; for 4 samples it returned shape \(4, 2, 3\)"):
        explain(nn.Sequential(nn.Linear(6, 6), nn.Unflatten(1, (2, 3))), linear_chart, x, 0)
    with pytest.raises(InputError, match="ReachClass is for classes, and the predictor returns one value a sample"):
        explain(nn.Linear(6, 1), linear_chart, x, Value(0))
    with pytest.raises(InputError, match="x is empty"):
        explain(linear_predictor, linear_chart, x[:0], 1)


def test_inference_mode_is_refused(linear_chart, linear_predictor) -> None:
    x = torch.randn(4, 6)
    with torch.inference_mode(), pytest.raises(InputError, match="inference_mode=False"):
        explain(linear_predictor, linear_chart, x, 1)


def test_no_grad_is_no_obstacle(linear_chart, linear_predictor) -> None:
    with torch.no_grad():
        cf = explain(linear_predictor, linear_chart, torch.randn(4, 6), 1, Ascent(clip=None))
    assert cf.flipped[cf.searched].all()


def test_devices_and_types_are_called_by_their_name(linear_chart, linear_predictor) -> None:
    """An error of the device or the type is no error of the shape."""
    x = torch.randn(4, 6)
    for predictor, words in (
        (nn.Linear(6, 2, device="meta"), "its weights are on meta and the samples on cpu"),
        (nn.Linear(6, 2).bfloat16(), r"its weights are torch.bfloat16 and the samples torch.float32: call .float\(\)"),
        (nn.Linear(6, 2).double(), "its weights are torch.float64"),
    ):
        with pytest.raises(InputError, match=words):
            explain(predictor, linear_chart, x, 1)
    with pytest.raises(InputError, match=r"LinearChart cannot take these samples: its weights are torch.float64"):
        explain(linear_predictor, linear_chart.double(), x, 1)
    linear_chart.float()
    with pytest.raises(InputError, match="Linear cannot take these samples: its weights are on meta"):
        method = Ascent(distance=FeatureL2(nn.Linear(6, 2, device="meta")))
        explain(linear_predictor, linear_chart, x, 1, method)


def test_what_says_nothing_of_the_input_is_raised_as_it_is() -> None:
    def failing(message: str) -> nn.Module:
        network = nn.Linear(6, 2)
        network.register_forward_hook(lambda *_: (_ for _ in ()).throw(RuntimeError(message)))
        return network

    for message in ("CUDA error: an illegal memory access was encountered", "CUDA out of memory"):
        with pytest.raises(RuntimeError, match=message) as caught:
            call(failing(message), torch.randn(4, 6))
        assert not isinstance(caught.value, InputError)
    message = "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"
    with pytest.raises(InputError, match=r"something in it stays on another device.*register_buffer"):
        call(failing(message), torch.randn(4, 6))
