from typing import Any

import pytest
import torch
from torch import Tensor, nn

from counterfactuals import (
    Across,
    Ascent,
    FixedTarget,
    InputError,
    LatentSearch,
    PixelChart,
    ReachClass,
    RunnerUp,
    Shift,
    explain,
)
from networks import CNN


class Shifting(nn.Module):
    """Changes its input in place."""

    def forward(self, x: Tensor) -> Tensor:
        x -= 0.1
        return x.flatten(1)[:, :3]


class Detached(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1)).detach()


class Pair(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1)), x  # type: ignore[return-value]


@pytest.fixture
def arguments() -> dict[str, Any]:
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    return {"predictor": network, "chart": PixelChart([1, 4, 4]), "x": torch.rand(2, 1, 4, 4), "target": 1}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target": 9.7}, "target must be a class, a whole number; got 9.7"),
        ({"target": float("nan")}, "got nan"),
        ({"target": True}, r"target must be a class or a value, .* got True"),
        ({"target": "nine"}, "got 'nine'"),
        ({"target": None}, "got None"),
        ({"target": RunnerUp}, r"target must be an object, not the class RunnerUp"),
        ({"target": torch.tensor([1.0, 7.5])}, "target must hold classes, whole numbers; got 7.5"),
        ({"target": torch.tensor([True, False])}, "got True"),
        ({"target": [1, "b"]}, "target must hold numbers"),
        ({"target": torch.tensor([1])}, "one entry for each of 2 samples"),
        ({"predictor": lambda x: x}, "predictor must be an nn.Module .*; got a function"),
        ({"predictor": (1, 2)}, "got a tuple"),
        ({"predictor": "a.ckpt"}, "load_predictor"),
        ({"predictor": CNN}, "predictor must be an object, not the class CNN"),
        ({"predictor": Detached(16, 3)}, "Detached returns values without a gradient"),
        ({"predictor": Pair(16, 3)}, r"Pair returns several tensors, 0 of \(2, 3\), 1 of \(2, 1, 4, 4\): say which"),
        ({"chart": "a.ckpt"}, "chart must be a Chart; got 'a.ckpt'"),
        ({"chart": nn.Linear(1, 1)}, "chart must be a Chart, such as FlowChart"),
        ({"chart": None}, "got None"),
        ({"x": 255 * torch.rand(2, 1, 4, 4)}, r"x must lie in \[0, 1\]; it goes from .* divide by 255"),
        ({"x": torch.rand(2, 1, 4, 4) - 1}, r"x must lie in \[0, 1\]"),
        ({"x": torch.zeros(2, 1, 4, 4, dtype=torch.uint8)}, r"x must be of float32, images in \[0, 1\]; got uint8"),
        ({"x": [[0.0]]}, "x must be a tensor of samples; got a list"),
        ({"method": Ascent}, r"make one, Ascent\(…\)"),
        ({"method": "ascent"}, "method must be a Method"),
        ({"objective": 0.99}, "objective must be an Objective"),
        ({"slots": 0}, "slots must be positive; got 0"),
        ({"slots": -1}, "slots must be positive; got -1"),
        ({"slots": 1.5}, "slots must be a whole number; got 1.5"),
        ({"method": Ascent(locked=[16])}, r"locked names coordinates \[16\]; the chart has 16, 0 to 15"),
    ],
)
def test_what_cannot_be_used_is_named(arguments: dict[str, Any], given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        explain(**(arguments | given))


def test_the_callers_images_stay_as_they_are(arguments: dict[str, Any]) -> None:
    before = arguments["x"].clone()
    with pytest.warns(UserWarning, match="Shifting changes its input in place: it is given copies"):
        cf = explain(**(arguments | {"predictor": Shifting()}))
    assert torch.equal(cf.x, before)
    assert torch.equal(arguments["x"], before)


def test_what_can_be_meant_works(arguments: dict[str, Any]) -> None:
    for target in (1, 1.0, [1, 2], (1, 2), torch.tensor([1.0, 2.0]), FixedTarget(1)):
        cf = explain(**(arguments | {"target": target, "method": Ascent(max_steps=1)}))
        assert cf.target[0] == 1 and cf.target.dtype == torch.int64
    detached = {"predictor": Detached(16, 3), "method": LatentSearch(samples=2, max_steps=1)}
    assert len(explain(**(arguments | detached))) == 2
    rounded = 2 * arguments["x"] - 1 + 1e-6  # normalised, and brought back
    assert len(explain(**(arguments | {"x": ((rounded + 1) / 2).clamp(-1e-6, 1), "method": Ascent(max_steps=1)}))) == 2
    far = arguments["x"] - 0.5
    assert len(explain(**(arguments | {"x": far, "method": Ascent(max_steps=1, clip=None)}))) == 2


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Ascent(clip=(1, 0)), r"clip must be two numbers, the lower end and the upper one.*got \(1, 0\)"),
        (lambda: Ascent(clip=(0, float("nan"))), "clip must be two numbers"),
        (lambda: Ascent(max_steps=3.5), "max_steps must be a whole number; got 3.5"),  # type: ignore[arg-type]
        (lambda: Ascent(max_steps=10**23), "max_steps must be at most 1000000000"),
        (lambda: Ascent(distance_weight=float("nan")), "distance_weight must not be negative; got nan"),
        (lambda: Ascent(locked=[-1]), r"locked must not be negative, every one; got \[-1\]"),
        (lambda: Shift(float("nan")), "by must be finite"),
        (lambda: Across(float("nan")), "middle must be a finite number; got nan"),
        (lambda: ReachClass("0.9"), r"confidence Λ must be in \[0.5, 1\).*got '0.9'"),  # type: ignore[arg-type]
        (lambda: FixedTarget(9.7), "target must be a class, a whole number; got 9.7"),  # type: ignore[arg-type]
    ],
)
def test_constructors(make: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()
