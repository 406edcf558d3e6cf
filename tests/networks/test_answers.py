from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from networks import InputError
from networks.answers import kind_of, tensor_in, to_logits

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -40.0]])


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
