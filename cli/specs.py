"""Classes that a config asks for."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Spec(NamedTuple):
    """One class: its key as one would type it, its path, and its arguments."""

    key: str
    path: str
    arguments: dict[str, Any]


def specs(value: Any, key: str) -> Iterator[Spec]:
    """Every class below a config's ``key``, those that are given to others after these."""
    if isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from specs(item, f"{key}[{i}]")
        return
    items = fields(value)
    if "class_path" in items:
        items, path = fields(items.get("init_args")), str(items["class_path"])
        yield Spec(key, path, items)
    for name, item in items.items():
        yield from specs(item, f"{key}.{name}" if key != "--" else f"--{name}")


def fields(value: Any) -> dict[str, Any]:
    """A dictionary's or a namespace's items; none of anything else."""
    if isinstance(value, Mapping):
        return dict(value)
    return dict(vars(value)) if type(value).__name__ == "Namespace" else {}
