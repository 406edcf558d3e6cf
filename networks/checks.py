"""What is wrong with numbers and objects that a constructor is given, a sentence each: for ``InputError.collect``.

>>> above_zero(step_size=-0.05) + whole(1, samples=64)
['step_size must be positive; got -0.05']
"""

import inspect
import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

#: of seeds, positive or negative
LARGEST = 2**63 - 1
MOST_STEPS = 10**9  # more would not fit into what counts them, nor into a life


def whole(least: int = 0, most: int | None = None, /, **values: Any) -> list[str]:
    """Values must be whole numbers, of ``least`` or more, and of ``most`` or less.

    >>> whole(1, slots=1.5, members=0)
    ['slots must be a whole number; got 1.5', 'members must be positive; got 0']
    """
    lower = {0: "must not be negative", 1: "must be positive"}.get(least, f"must be at least {least}")
    problems = []
    for name, value in values.items():
        if not _is_whole(value):
            problems.append(f"{name} must be a whole number; got {value!r}")
        elif value < least:
            problems.append(f"{name} {lower}; got {value!r}")
        elif most is not None and value > most:
            problems.append(f"{name} must be at most {most}; got {value!r}")
    return problems


def positive(**values: Any) -> list[str]:
    """Values must be finite numbers above 0."""
    return above_zero(**values) or _sentences("must be finite", math.isfinite, values)


def above_zero(**values: Any) -> list[str]:
    """Values must be numbers above 0, however large."""
    return _sentences("must be positive", lambda value: value > 0, values)


def not_negative(**values: Any) -> list[str]:
    """Values must be finite numbers of 0 or more."""
    return _sentences("must not be negative", lambda value: 0 <= value < math.inf, values)


def negative(**values: Any) -> list[str]:
    """Values must be finite numbers below 0."""
    return _sentences("must be negative", lambda value: -math.inf < value < 0, values)


def finite(**values: Any) -> list[str]:
    """Values must be finite numbers."""
    return _sentences("must be a finite number", math.isfinite, values)


def within(low: float, high: float, /, **values: Any) -> list[str]:
    """Values must lie from ``low`` to ``high``.

    >>> within(0, 1, dropout=2)
    ['dropout must lie in [0, 1]; got 2']
    """
    return _sentences(f"must lie in [{low}, {high}]", lambda value: low <= value <= high, values)


def interval(**values: Any) -> list[str]:
    """Values must be two finite numbers, the lower end and the upper one; ``None`` for no interval."""
    return [
        f"{name} must be two numbers, the lower end and the upper one, e.g. [0.0, 1.0]; got {value!r}"
        for name, value in values.items()
        if value is not None and not (_are_two_numbers(value) and value[0] < value[1])
    ]


def seeds(**values: Any) -> list[str]:
    """Values must be seeds of a generator: whole numbers of 64 bits."""
    return whole(-LARGEST, LARGEST, **values)


def each(check: Callable[..., list[str]], /, *given: Any, **values: Any) -> list[str]:
    """A check of every number in lists.

    >>> each(whole, 1, widths=[4, 0])
    ['widths must be positive, every one; got [4, 0]']
    """
    problems = []
    for name, value in values.items():
        if isinstance(value, str) or not isinstance(value, Iterable):
            problems.append(f"{name} must be a list of numbers; got {value!r}")
        else:
            wrong = (problem for one in value for problem in check(*given, **{name: one}))
            sentences = [problem.partition("; got ")[0] for problem in wrong]
            problems += [f"{sentence}, every one; got {value!r}" for sentence in sentences][:1]
    return problems


def below_one(**values: Any) -> list[str]:
    """Values must be 0 or more, and less than 1."""
    return _sentences("must lie in [0, 1)", lambda value: 0 <= value < 1, values)


def between(low: float, high: float, /, **values: Any) -> list[str]:
    """Values must lie above ``low`` and below ``high``."""
    return _sentences(f"must lie between {low} and {high}", lambda value: low < value < high, values)


def image(shape: Any) -> list[str]:
    """A shape must be channels, height and width.

    >>> image([8, 8])
    ['shape must be [channels, height, width], e.g. [1, 28, 28]; got [8, 8]']
    """
    three = isinstance(shape, (tuple, list)) and len(shape) == 3 and not each(whole, 1, shape=shape)
    return [] if three else [f"shape must be [channels, height, width], e.g. [1, 28, 28]; got {shape!r}"]


def objects(kind: type, /, **values: Any) -> list[str]:
    """Values must be objects of a class, or have a protocol's methods; ``None`` is left to the caller."""
    problems = []
    for name, value in values.items():
        if value is None:
            continue
        if inspect.isclass(value):
            problems.append(f"{name} must be an object, not the class {value.__name__}: make one, {value.__name__}(…)")
        elif not _stands_for(value, kind):
            article = "an" if kind.__name__[0] in "AEIOU" else "a"
            problems.append(f"{name} must be {article} {kind.__name__}{_methods(kind)}; got {_short(value)}")
    return problems


def _stands_for(value: Any, kind: type) -> bool:
    if getattr(kind, "_is_protocol", False):
        return all(callable(getattr(value, method, None)) for method in _names(kind))
    return isinstance(value, kind)


def _names(kind: type) -> list[str]:
    return [n for n, m in vars(kind).items() if inspect.isfunction(m) and (n == "__call__" or not n.startswith("_"))]


def _methods(kind: type) -> str:
    return f", with {', '.join(_names(kind))}" if getattr(kind, "_is_protocol", False) else ""


def _short(value: Any) -> str:
    return repr(value) if isinstance(value, (str, int, float)) else f"a {type(value).__name__}"


def _sentences(must: str, holds: Callable[[Any], bool], values: dict[str, Any]) -> list[str]:
    return [f"{n} {must}; got {v!r}" for n, v in values.items() if not _is_number(v) or not holds(v)]


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _are_two_numbers(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and not each(finite, ends=value)
