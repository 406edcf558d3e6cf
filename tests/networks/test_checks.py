import math
from typing import Any

import pytest

from counterfactuals import Ascent, RunnerUp
from counterfactuals.engine import Method
from networks import checks

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checks.whole, (0, 5, 10**30), (-1, 1.0, "3", None, True, NAN)),
        (lambda **v: checks.whole(2, 4, **v), (2, 4), (1, 5)),
        (checks.positive, (1, 0.5), (0, -1, NAN, INF, None, "1", True)),
        (checks.above_zero, (1, 0.5, INF), (0, -1, NAN, None, "1", True)),
        (checks.not_negative, (0, 0.5), (-1, NAN, INF, None)),
        (checks.finite, (0, -3.5), (NAN, INF, None, "0")),
        (lambda **v: checks.within(0, 1, **v), (0, 0.5, 1), (-0.1, 1.1, NAN)),
        (lambda **v: checks.between(0, 1, **v), (0.5,), (0, 1, NAN)),
        (checks.below_one, (0, 0.9), (1, -0.1, NAN)),
        (checks.interval, (None, (0, 1), [-1.0, 2.0]), ((1, 0), (0, 0), (0, NAN), (0, 1, 2), 1.0, "ab")),
        (checks.seeds, (0, -8, 2**40), (2**64, 0.5, None)),
    ],
)
def test_what_each_lets_through(check: Any, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
    for value in good:
        assert check(x=value) == [], value
    for value in bad:
        (problem,) = check(x=value)
        assert problem.startswith("x must ") and problem.endswith(f"; got {value!r}"), value


def test_lists_are_quoted_whole() -> None:
    assert checks.each(checks.whole, 1, widths=[4, 8]) == []
    assert checks.each(checks.whole, 1, widths=[4, 0, -1]) == ["widths must be positive, every one; got [4, 0, -1]"]
    assert checks.each(checks.whole, 1, widths="48") == ["widths must be a list of numbers; got '48'"]
    assert checks.image([1, 8, 8]) == [] and len(checks.image([8, 8])) == len(checks.image([1, -8, 8])) == 1


def test_objects() -> None:
    assert checks.objects(Method, method=Ascent(), control=None) == []
    assert checks.objects(Method, method=Ascent) == [
        "method must be an object, not the class Ascent: make one, Ascent(…)"
    ]
    assert checks.objects(Method, method=RunnerUp()) == [
        "method must be a Method, with start, step, result; got a RunnerUp"
    ]
    assert checks.objects(Method, method="ascent") == [
        "method must be a Method, with start, step, result; got 'ascent'"
    ]
