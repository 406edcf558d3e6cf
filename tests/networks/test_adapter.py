from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from networks import Adapter, InputError, TorchvisionModel
from networks.answers import kind_of, tensor_in, to_logits

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -40.0]])


class Net(nn.Module):
    """Three numbers of the mean of every channel's pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        (LOGITS, None),
        (SimpleNamespace(logits=LOGITS), None),
        ({"logits": LOGITS, "features": torch.zeros(2, 7)}, None),
        ({"out": LOGITS}, None),
        ((LOGITS,), None),
        ([LOGITS, None], None),
        (namedtuple("Outputs", ["logits", "aux_logits"])(LOGITS, torch.zeros(2, 3)), None),
        ((torch.zeros(2, 7), LOGITS), 1),
        ({"a": torch.zeros(2, 7), "b": LOGITS}, "b"),
        (SimpleNamespace(scores=LOGITS), "scores"),
    ],
)
def test_the_logits_in_an_answer(answer: Any, key: int | str | None) -> None:
    assert torch.equal(tensor_in(answer, key, "Net"), LOGITS)


@pytest.mark.parametrize(
    ("answer", "key", "said"),
    [
        ((torch.zeros(2, 7), LOGITS), None, r"several tensors, 0 of \(2, 7\), 1 of \(2, 3\): say which"),
        ({"a": LOGITS, "b": LOGITS}, None, r"several tensors, 'a' of \(2, 3\)"),
        ({"a": LOGITS}, "c", r"which has 'a' of \(2, 3\); no tensor is at the adapter's key 'c'"),
        (LOGITS.numpy(), None, "returned a ndarray"),
        (None, None, "returned a NoneType"),
        ({}, None, "returned a dict"),
        (LOGITS, "a", "returns a Tensor, which has no entries"),
    ],
)
def test_answers_without_it(answer: Any, key: int | str | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        tensor_in(answer, key, "Net")


def test_kinds_are_told_by_shape_and_range() -> None:
    p = LOGITS.softmax(1)
    assert kind_of(LOGITS, False) == kind_of(p.log(), False) == "logits"
    assert kind_of(p, False) == kind_of(p.half(), False) == kind_of(p.bfloat16(), False) == "probabilities"
    assert kind_of(LOGITS.sigmoid(), False) == "multi-label probabilities"
    for one in (LOGITS[:, 0], LOGITS[:, :1]):
        assert kind_of(one, False) == "single logit" and kind_of(one, True) == "values"
        assert kind_of(one.sigmoid(), False) == "single probability"


def test_logits_give_the_models_own_probabilities() -> None:
    p, s = LOGITS.softmax(1), LOGITS[:, :1]
    assert torch.allclose(to_logits(p, "probabilities").softmax(1), p, atol=1e-7)
    for outputs, kind in ((s, "single logit"), (s[:, 0], "single logit"), (s.sigmoid(), "single probability")):
        assert torch.allclose(to_logits(outputs, kind).softmax(1)[:, 1], s[:, 0].sigmoid(), atol=1e-6)
    assert torch.allclose(
        to_logits(LOGITS.sigmoid(), "multi-label probabilities").sigmoid(), LOGITS.sigmoid(), atol=1e-6
    )
    certain = to_logits(torch.tensor([[1.0, 0.0]]), "probabilities")
    assert certain.isfinite().all() and certain.softmax(1)[0, 0] == 1


def test_what_images_are_given_as() -> None:
    x = torch.rand(2, 1, 6, 8)
    seen: list[Tensor] = []

    class Seeing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return x.mean((2, 3))

    Adapter(Seeing(), size=12, mean=[0.1, 0.2, 0.3], std=[0.5, 0.5, 0.25])(x)
    assert seen[0].shape == (2, 3, 12, 12), "a grey image has three channels for a mean of three"
    whole = nn.functional.interpolate(x, (12, 12), mode="bilinear", antialias=True)
    assert torch.allclose(seen[0][:, 2], (whole[:, 0] - 0.3) / 0.25)
    Adapter(Seeing())(x)
    assert seen[1] is x, "nothing is copied that need not be"


def test_one_label_and_another_order() -> None:
    x = torch.rand(4, 3, 5, 5)
    one = Adapter(Net(), outputs="single logit", label="b", class_names=["a", "b", "c"])
    assert torch.equal(one(x), torch.stack([torch.zeros(4), Net()(x)[:, 1]], 1))
    adapter = Adapter(Net(), outputs="logits")
    adapter.order = torch.tensor([2, 0])
    assert torch.equal(adapter(x), Net()(x)[:, [2, 0]]) and adapter(x).shape == (4, 2)
    assert Adapter(Net(), outputs="logits").plain and not adapter.plain


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"outputs": "logit"}, "outputs must be one of logits, probabilities, single logit.*; got 'logit'"),
        ({"size": 0}, "size must be positive"),
        ({"size": (8, -1)}, "size must be positive"),
        ({"std": [0.0]}, "std must be positive"),
        ({"mean": [float("nan")]}, "mean must be a finite number"),
        ({"label": "b"}, r"label must be one of class_names \(none are given\), or a number; got 'b'"),
        ({"label": "d", "class_names": ["a", "b"]}, r"\(a, b\), or a number; got 'd'"),
        ({"weights": "missing.pth"}, "weights 'missing.pth' for Net cannot be loaded: there is no such file"),
        ({"network": Net}, "network must be an object, not the class Net"),
    ],
)
def test_constructor(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Adapter(**({"network": Net()} | given))


def test_weights_of_a_network_that_reads_none(tmp_path: Path) -> None:
    there, here = (torchvision.models.squeezenet1_1(num_classes=2).eval() for _ in range(2))
    torch.save({"model": {f"module.{k}": v for k, v in there.state_dict().items()}}, tmp_path / "w.pth")
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(TorchvisionModel("squeezenet1_1", 2, str(tmp_path / "w.pth")).eval()(x), there(x))
    assert torch.equal(Adapter(here, weights=str(tmp_path / "w.pth"))(x), there(x))
    with pytest.raises(InputError, match="no classifier 'resnet8'; did you mean resnet18"):
        TorchvisionModel("resnet8", 2)
    with pytest.raises(InputError, match=r"for Net cannot be loaded: .*[Uu]nexpected"):
        Adapter(Net(), weights=str(tmp_path / "w.pth"))
