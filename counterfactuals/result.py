"""The one thing that every search method returns."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any

import torch
from torch import Tensor


class Status(IntEnum):
    """How the search for one sample ended."""

    FLIPPED = 0  #: the objective was reached
    TIMEOUT = 1  #: it was not reached within the allowed steps; the best point so far is kept
    ALREADY_TARGET = 2  #: the predictor gave the sample the target before any search
    FAILED = 3  #: a non-finite number appeared; the reason says where


@dataclass(frozen=True)
class Counterfactuals:
    """Counterfactuals of N searches, one row each; all tensors are detached.

    Attributes:
        x: originals, N×``shape``.
        reconstruction: decode(encode(x)), N×``shape``, before any step.
        counterfactual: x′, N×``shape``; rounded to the grey values of images, where the search was told of them.
        z: encode(x), N×D.
        z_prime: latent that x′ was decoded from, N×D; encode(x′) is another one where x′ has been clipped or rounded.
        source: what the predictor says of x: its class, N int64, or its value, N float32.
        target: class or value to be reached, N.
        prediction: what the predictor says of x′, N.
        source_confidence: the objective's score of x: p_target(x) in [0, 1] for classes, the logit margin under
            ``ReachMargin``, and for values how far beyond the goal, in their unit, negative before it; N.
        confidence: the same of x′.
        steps: steps taken, N int64, with those that a method goes on for after its first hit.
        first_hit: steps until the first hit, N int64; −1 where there was none.
        status: ``Status`` codes, N int64.
        reasons: for a failed row why it failed, else "".
        path: points visited in x, N×T×``shape``, the last one repeated once a row has ended; ``None``
            unless the method was asked to keep it.
        relaxation: largest r in [0, 1] by which ``Relaxation`` reached the target, N, NaN where it did not;
            ``None`` for other methods.
    """

    x: Tensor
    reconstruction: Tensor
    counterfactual: Tensor
    z: Tensor
    z_prime: Tensor
    source: Tensor
    target: Tensor
    prediction: Tensor
    source_confidence: Tensor
    confidence: Tensor
    steps: Tensor
    first_hit: Tensor
    status: Tensor
    reasons: tuple[str, ...]
    path: Tensor | None = None
    relaxation: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def flipped(self) -> Tensor:
        """Rows that reached the target, N bool."""
        return self.status == Status.FLIPPED

    @property
    def searched(self) -> Tensor:
        """Rows that there was something to search for, N bool: all but ``already_target``."""
        return self.status != Status.ALREADY_TARGET

    def to(self, device: torch.device | str) -> "Counterfactuals":
        """The same rows on another device."""
        moved: dict[str, Any] = {
            f.name: v.to(device) for f in fields(self) if isinstance(v := getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)

    def take(self, rows: Tensor) -> "Counterfactuals":
        """The given rows (int64), in that order."""
        taken: dict[str, Any] = {
            f.name: v[rows] for f in fields(self) if isinstance(v := getattr(self, f.name), Tensor)
        }
        return replace(self, **taken, reasons=tuple(self.reasons[i] for i in rows.tolist()))

    @staticmethod
    def join(parts: Sequence["Counterfactuals"]) -> "Counterfactuals":
        """The rows of all parts, one after the other."""
        frames = max((p.path.shape[1] for p in parts if p.path is not None), default=0)
        parts = [p if p.path is None else replace(p, path=_repeat_last(p.path, frames)) for p in parts]
        joined: dict[str, Any] = {
            f.name: torch.cat([getattr(p, f.name) for p in parts])
            for f in fields(parts[0])
            if isinstance(getattr(parts[0], f.name), Tensor)
        }
        return replace(parts[0], **joined, reasons=sum((p.reasons for p in parts), ()))


def _repeat_last(path: Tensor, frames: int) -> Tensor:
    """The same n×T×… with its last frame repeated until there are so many."""
    more = frames - path.shape[1]
    return torch.cat([path, path[:, -1:].expand(-1, more, *path.shape[2:])], 1) if more else path
