"""Models that look at counterfactuals without having taken part in the search."""

from collections.abc import Mapping

from torch import nn

from lightning_modules import load_predictor
from networks.errors import InputError


def judges(given: Mapping[str, str | nn.Module]) -> dict[str, nn.Module]:
    """Frozen networks by name, of checkpoints of a ``ClassifierModule`` or ``RegressorModule``, or of modules.

    Raises:
        InputError: a checkpoint that cannot be used, or a name that is no identifier.
    """
    if bad := [name for name in given if not name.isidentifier()]:
        raise InputError(f"{bad[0]!r} cannot name a model, which names columns: use letters, digits and _")
    return {
        name: (load_predictor(judge) if isinstance(judge, str) else judge).eval().requires_grad_(False)
        for name, judge in given.items()
    }


def checkpoints_of(given: Mapping[str, str | nn.Module], role: str) -> dict[str, str]:
    """Paths by ``ROLE_NAME``, of those that are checkpoints."""
    return {f"{role}_{name}": judge for name, judge in given.items() if isinstance(judge, str)}
