"""Networks that plain objects hold: a distance its features, a method its distance."""

from collections.abc import Iterator
from typing import Any

from torch import nn


def modules_in(*objects: Any) -> list[nn.Module]:
    """Every module that the objects hold in their attributes, lists and dictionaries, at any depth, each once.

    A LightningModule moves, saves and freezes what is a module's attribute. What a method holds is none: whoever
    takes a method in must register these.
    """
    seen: dict[int, Any] = {}
    return [value for thing in objects for value in _walk(thing, seen) if isinstance(value, nn.Module)]


def _walk(value: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """The value and all that it holds, without what is inside of a module."""
    if value is None or isinstance(value, (str, bytes, int, float, type)) or id(value) in seen:
        return
    seen[id(value)] = value
    yield value
    if isinstance(value, nn.Module):
        return
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple, set)) else None
    for part in vars(value).values() if parts is None and hasattr(value, "__dict__") else parts or ():
        yield from _walk(part, seen)
