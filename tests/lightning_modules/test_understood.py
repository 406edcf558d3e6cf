"""What is said of a model before its first search, and what it is refused for."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from counterfactuals import Ascent, AtLeast, InputError, LatentSearch, ReachClass, ReachLabel, RunnerUp, Shift
from datamodules import Digits
from lightning_modules.understood import Understood, understood
from networks import Adapter, LinearSVM


class Fit(nn.Module):
    """A linear classifier of the digits, of which ``after`` is returned."""

    def __init__(self, after: Any = lambda y: y, order: Any = range(10)) -> None:
        super().__init__()
        self.svm, self.after, self.order = LinearSVM(), after, list(order)
        train = Digits().split("train")
        batch = train.__getitems__(range(len(train)))
        self.svm.fit(batch["x"], batch["y"])

    def forward(self, x: Tensor) -> Any:
        return self.after(self.svm(x)[:, self.order])


NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def look(model: nn.Module, objective: Any = None, data: Digits | None = None, **chosen: Any) -> Understood:
    data = Digits(**chosen) if data is None else data
    data.class_names = NAMES
    return understood(model, objective or ReachClass(), RunnerUp(), [Ascent(), LatentSearch()], data)


def test_the_first_line_says_what_the_model_is() -> None:
    found = look(Fit())
    assert found.lines[0].startswith("The model: Fit, logits of 10 classes (zero, one, two, three, four, five, six")
    assert "it agrees with the labels of 6" in found.lines[0] and " of 64 samples (" in found.lines[0]
    assert found.lines[1:] == [] and found.warnings == []


def test_another_order_is_found_and_mended_by_names() -> None:
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    (warning,) = look(Fit(order=order)).warnings
    assert "the model contradicts" in warning and "In the order three, one, four, zero" in warning
    right = look(Adapter(Fit(order=order), class_names=[NAMES[i].upper() for i in order]))
    assert right.warnings == [] and "of 64 samples (9" in right.lines[0]
    x = right.samples
    assert torch.equal(right.predictor(x), Fit()(x))


def test_a_model_of_more_classes_is_told_which_are_the_datas() -> None:
    many = Fit(lambda y: torch.cat([y - 3, y[:, [1, 0]]], 1))
    with pytest.raises(InputError, match=r"the predictor has 12 classes, but Digits has 10 .*class_names of netw"):
        look(many)
    found = look(Adapter(many, class_names=[*NAMES, "cat", "dog"]))
    assert (
        "10 of its 12 outputs are the data's classes" in found.lines[1] and "the other 2 are left out" in found.lines[1]
    )
    assert torch.allclose(found.predictor(found.samples), Fit()(found.samples) - 3, atol=1e-5)


@pytest.mark.parametrize(
    ("adapter", "said"),
    [
        ({"class_names": NAMES[:9]}, "class_names names 9 classes, Fit returns 10: name them all"),
        ({"class_names": [*NAMES[:9], "neun"]}, "nine, of Digits, is not among them"),
        ({"label": 0, "outputs": "multi-label"}, "the predictor has 2 classes, but Digits has 10"),
        ({"outputs": "probabilities"}, "which are no probabilities"),
        ({"label": 10}, "label 10 is not among outputs"),
    ],
)
def test_settings_that_do_not_fit(adapter: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        look(Adapter(Fit(), **adapter))


def test_outputs_are_understood() -> None:
    softmax = look(Fit(lambda y: y.softmax(1)))
    assert "probabilities of 10 classes" in softmax.lines[0] and "which add up to 1" in softmax.lines[1]
    sigmoids = look(Fit(lambda y: y.sigmoid()))
    assert isinstance(sigmoids.objective, ReachLabel) and sigmoids.objective.confidence == 0.99
    assert "the objective is ReachLabel instead of ReachClass" in sigmoids.lines
    assert "all its logits are below -5" in look(Fit(lambda y: y - 100)).warnings[0]
    with pytest.raises(InputError, match=r"objective AtLeast is for values, and Digits has classes \(zero"):
        look(Fit(), AtLeast())


def test_one_output_speaks_for_the_second_class() -> None:
    found = _look_at_two(Fit(lambda y: y[:, 9] - y[:, :9].amax(1)), _of_two())
    assert "its one output speaks for nine, against other" in found.lines and found.warnings == []


@pytest.mark.parametrize(
    ("names", "label", "right"),
    [
        (["other", "nine"], "nine", True),
        (["nine", "x"], "nine", False),
        (["x", "other"], "other", False),
        (["2", "nine"], "nine", True),
    ],
)
def test_a_label_speaks_for_the_class_of_its_name(names: list[str], label: str, right: bool) -> None:
    """Which of the data's two that is, does not matter; an output that is not its own is noticed."""
    data = _of_two()
    model = Fit(lambda y: torch.stack([y[:, :9].amax(1) - y[:, 9], y[:, 9] - y[:, :9].amax(1)], 1))
    found = _look_at_two(Adapter(model, outputs="multi-label", class_names=names, label=label), data)
    other = {"nine": "other", "other": "nine"}[label]
    assert f"its one output speaks for {label}, against {other}" in found.lines
    warned = "does its label speak for the other class" in " ".join(found.warnings)
    assert warned is not right
    with pytest.raises(InputError, match="label 'x' is none of the data's classes, other, nine"):
        _look_at_two(Adapter(model, outputs="multi-label", class_names=["x", "nine"], label="x"), _of_two())


def test_the_advice_is_about_the_models_own_order() -> None:
    two = Fit(lambda y: torch.stack([y[:, :9].amax(1), y[:, 9]], 1))
    (warning,) = _look_at_two(Adapter(two, class_names=["nine", "other"]), _of_two()).warnings
    assert "In the order other, nine it would agree" in warning
    one = Fit(lambda y: y[:, 9] - y[:, :9].amax(1))
    found = _look_at_two(Adapter(one, class_names=["nine", "other"]), _of_two())
    assert "its one output speaks for other, against nine" in found.lines
    assert "In the order other, nine it would agree" in found.warnings[0]


def test_a_models_own_names_are_believed_unless_they_are_none() -> None:
    two = Fit(lambda y: torch.stack([y[:, :9].amax(1), y[:, 9]], 1))
    two.class_names = ["LABEL_0", "LABEL_1"]
    assert "its classes, LABEL_0, LABEL_1, are taken for the data's, other, nine" in _look_at_two(two, _of_two()).lines
    two.class_names = ["smiling", "frowning"]
    with pytest.raises(InputError, match="the model's classes are smiling, frowning; other, nine, of Digits"):
        _look_at_two(two, _of_two())


@pytest.mark.parametrize(("end", "outputs"), [("softmax", "logits"), ("sigmoid", "multi-label")])
def test_logits_that_are_none_are_refused(end: str, outputs: Any) -> None:
    ends = {"softmax": lambda y: y.softmax(1), "sigmoid": lambda y: y.sigmoid()}
    with pytest.raises(
        InputError, match=rf"numbers in \[0, 1\], also for what is no image: they are .*and no {outputs}"
    ):
        look(Adapter(Fit(ends[end]), outputs=outputs))


def _of_two() -> Digits:
    data = Digits()
    data.num_classes = 2
    data.split("test").y.copy_((data.split("test").y == 9).long())  # type: ignore[attr-defined]
    return _named(data)


def _look_at_two(model: nn.Module, data: Digits) -> Understood:
    return understood(model, ReachClass(), RunnerUp(), [Ascent()], data)


def _named(data: Digits) -> Digits:
    data.class_names = ["other", "nine"]
    return data


def test_weights_of_another_type_are_taken_as_float32() -> None:
    found = look(Fit().double())
    assert "the weights of Fit are float64: they are taken as float32" in found.lines
    assert found.predictor(found.samples).dtype == torch.float32


def test_guessing_is_noticed() -> None:
    torch.manual_seed(0)
    (warning,) = look(nn.Sequential(nn.Flatten(), nn.Linear(64, 10))).warnings
    assert "as guessing would: is it trained" in warning


def test_values_are_compared_with_labels() -> None:
    data = Digits()
    data.task = "regression"
    bright = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    with torch.no_grad():
        bright[1].weight.fill_(100 / 64)
        bright[1].bias.zero_()
    found = understood(bright, AtLeast(), Shift(1.0), [Ascent()], data)
    x, y = found.samples, data.predict_selection()
    rows = torch.linspace(0, len(y) - 1, 64).round().long()  # type: ignore[arg-type]
    error = (100 * x.flatten(1).mean(1) - y.y[rows]).square().mean().sqrt()
    assert f"they differ from the labels by {error:.3g} (root mean square)" in found.lines[0]
    assert "no nearer to the labels than these are to their mean" in found.warnings[0]
