"""Classes that the user names, and that checkpoints may therefore name as well."""

import importlib
import sys
from collections.abc import Iterator
from typing import Any

from cli.specs import specs
from networks.errors import InputError


def trusted_by(config: dict[str, Any]) -> list[type]:
    """Those of ``--trust``, and those that the config builds itself: it has imported them already.

    Raises:
        InputError: ``--trust`` names something that is no class, or cannot be imported.
    """
    return [*map(_imported, config.get("trust") or ()), *_named_in(config)]


def _named_in(config: dict[str, Any]) -> Iterator[type]:
    for spec in specs(config, "--"):
        module, _, name = spec.path.rpartition(".")
        cls = getattr(sys.modules.get(module), name, None)
        if isinstance(cls, type):
            yield cls


def _imported(class_path: str) -> type:
    module, _, name = class_path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except (ImportError, ValueError) as error:
        raise InputError(f"--trust names {class_path!r}, which cannot be imported: {error}") from error
    if not isinstance(found, type):
        raise InputError(f"--trust names {class_path!r}, which is no class: name it as my_package.my_module.MyNet")
    return found
