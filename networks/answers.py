"""What a network answers: logits, probabilities, one number, labels that do not exclude each other."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from networks.errors import InputError

Outputs = Literal[
    "logits",
    "probabilities",
    "single logit",
    "single probability",
    "multi-label",
    "multi-label probabilities",
    "values",
]
ROUNDING = 1e-3  # by which probabilities may miss a sum of one; half precision does by so much
EPSILON = 6e-8  # 1 − p that float32 still tells from 0


def tensor_in(answer: Any, key: str | int | None, who: str) -> Tensor:
    """The one tensor in what a network returns: itself, its ``logits``, or the entry ``key`` of a dictionary or tuple.

    Args:
        who: the network's name, for the message.

    Raises:
        InputError: no tensor, or several and no ``key`` that says which.
    """
    if key is not None:
        return _entry(answer, key, who)
    if isinstance(answer, Tensor):
        return answer
    if isinstance(getattr(answer, "logits", None), Tensor):  # of Hugging Face, and of torchvision's Inception
        return answer.logits
    found = {name: entry for name, entry in _entries(answer).items() if isinstance(entry, Tensor)}
    if "logits" in found or len(found) == 1:
        return found.get("logits", next(iter(found.values())))
    if found:
        raise InputError(
            f"{who} returns several tensors, {_listed(found)}: say which are the logits with the adapter's key, e.g. "
            f"{next(iter(found))!r} (networks.Adapter)"
        )
    raise InputError(f"{who} must return a tensor of logits or values; it returned a {type(answer).__name__}")


def _entries(answer: Any) -> dict[Any, Any]:
    if isinstance(answer, Mapping):
        return dict(answer)
    return dict(enumerate(answer)) if isinstance(answer, (tuple, list)) else {}


def _entry(answer: Any, key: str | int, who: str) -> Tensor:
    entries = _entries(answer)
    found = entries.get(key, getattr(answer, str(key), None) if isinstance(key, str) else None)
    if not isinstance(found, Tensor):
        there = f"which has {_listed(entries)}" if entries else "which has no entries"
        raise InputError(f"{who} returns a {type(answer).__name__}, {there}; no tensor is at the adapter's key {key!r}")
    return found


def _listed(entries: Mapping[Any, Any]) -> str:
    shapes = {k: tuple(v.shape) if isinstance(v, Tensor) else type(v).__name__ for k, v in entries.items()}
    return ", ".join(f"{k!r} of {shape}" for k, shape in list(shapes.items())[:8])


def kind_of(outputs: Tensor, of_values: bool) -> Outputs:
    """What outputs for real samples are, by their shape and range.

    Args:
        outputs: B×K, B×1 or B.
        of_values: one number a sample is a value, and no answer to yes or no.
    """
    probable = bool(((outputs >= 0) & (outputs <= 1)).all())
    if outputs.numel() == len(outputs):
        if of_values:
            return "values"
        return "single probability" if probable else "single logit"
    if not probable:
        return "logits"
    sums = outputs.float().sum(1)
    return "probabilities" if bool(((sums - 1).abs() < ROUNDING).all()) else "multi-label probabilities"


def check_rows(outputs: Tensor, n: int, who: str) -> None:
    """Raise ``InputError`` unless outputs for n samples are floating-point numbers, a row or a number for each."""
    if not outputs.is_floating_point():
        kind = str(outputs.dtype).removeprefix("torch.")
        raise InputError(f"{who} must return logits or values, which are floating-point numbers; it returned {kind}")
    if outputs.ndim not in (1, 2) or len(outputs) != n or outputs.numel() == 0:
        raise InputError(
            f"{who} must return logits of B×K with K ≥ 2, or one value a sample, of B or B×1; "
            f"for {n} samples it returned shape {tuple(outputs.shape)}"
        )


def check_fits(outputs: Tensor, kind: Outputs, who: str) -> None:
    """Raise ``InputError`` where outputs, B×K or B, cannot be of a kind that the user names."""
    one, single = outputs.numel() == len(outputs), kind in ("single logit", "single probability", "values")
    if one != single:
        has = "one number" if one else f"{outputs.shape[1]} numbers"
        raise InputError(f"{who} returns {has} a sample, which are no {kind}: see outputs of networks.Adapter")
    if "probabilit" in kind and not bool(((outputs >= 0) & (outputs <= 1) | outputs.isnan()).all()):
        low, high = (float(end) for end in outputs[outputs.isfinite()].aminmax())
        raise InputError(
            f"{who} returns numbers from {low:.4g} to {high:.4g}, which are no {kind}: see outputs of networks.Adapter"
        )


def to_logits(outputs: Tensor, kind: Outputs) -> Tensor:
    """Outputs as what searches take: logits of B×K whose softmax is the model's own, of labels B×K, or values.

    One number for yes or no becomes the logits of two classes, "no" and "yes".
    """
    if kind in ("logits", "multi-label", "values"):
        return outputs
    if kind == "single logit":
        s = outputs.reshape(len(outputs))
        return torch.stack([torch.zeros_like(s), s], 1)
    p = outputs.float()
    if kind == "probabilities":
        return _log(p)
    if kind == "single probability":
        p = p.reshape(len(p))
        return torch.stack([_log(1 - p), _log(p)], 1)
    return _log(p) - _log(1 - p)


def _log(p: Tensor) -> Tensor:
    """log p, finite at 0; the gradient is p's own wherever p is not 0."""
    return p.clamp_min(EPSILON * EPSILON).log()


def problems_with_kind(outputs: Any) -> list[str]:
    """The sentence on a name that is none of ``Outputs``; ``None`` is to be found."""
    if outputs is None or outputs in get_args(Outputs):
        return []
    return [f"outputs must be one of {', '.join(get_args(Outputs))}; got {outputs!r}"]
