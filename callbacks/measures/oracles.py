"""Models that look at counterfactuals without having taken part in the search."""

from collections.abc import Mapping

from torch import Tensor, nn

from counterfactuals.contract import understand
from datamodules import DataModule
from lightning_modules import load_predictor
from networks.adapter import name_of
from networks.errors import InputError

SOME = 16  # samples that a network is tried on


def frozen_models(given: Mapping[str, str | nn.Module]) -> dict[str, nn.Module]:
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


def with_logits(judge: nn.Module, x: Tensor, of_values: bool = False, exclusive: bool = False) -> nn.Module:
    """A judge whose answers to samples, n×``shape``, are logits or values, whatever it returns itself.

    Args:
        exclusive: the softmax of its logits is wanted, which labels that do not exclude each other have none of.

    Raises:
        InputError: see ``contract.understand``; or such labels.
    """
    found = understand(judge.to(x.device), x, of_values, gradient=False)
    if exclusive and found.outputs.startswith("multi-label"):
        raise InputError(
            f"{name_of(judge)} has labels that do not exclude each other, and probabilities of classes are wanted: "
            "name one label in networks.Adapter, which makes two classes of it"
        )
    return found.predictor


def checkpoints_of(given: Mapping[str, str | nn.Module], role: str) -> dict[str, str]:
    """Paths by ``ROLE_NAME``, of those that are checkpoints."""
    return {f"{role}_{name}": judge for name, judge in given.items() if isinstance(judge, str)}


def first_samples(data: DataModule) -> Tensor:
    """The first ones to be explained, n×``shape``."""
    selection = data.predict_selection()
    return selection.__getitems__(list(range(min(SOME, len(selection)))))["x"]


def check_outputs(outputs: Tensor) -> None:
    """Raise ``InputError`` where a network's outputs for real samples, n×…, hold NaN in every row."""
    if outputs.flatten(1).isnan().any(1).all():
        raise InputError(f"NaN for all {len(outputs)} samples that were tried: train it again")
