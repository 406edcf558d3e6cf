"""The one thing that every search method returns."""

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
        counterfactual: x′, N×``shape``.
        z: encode(x), N×D.
        z_prime: latent of x′, N×D.
        source: class that the predictor gives x, N int64.
        target: class to be reached, N int64.
        source_confidence: p_target(x) before the search, N in [0, 1].
        confidence: p_target(x′) after it, N in [0, 1].
        steps: steps taken, N int64.
        status: ``Status`` codes, N int64.
        reasons: for a failed row why it failed, else "".
        path: points visited in x, N×(T+1)×``shape``, the last one repeated once a row has
            ended; ``None`` unless the method was asked to keep it.
    """

    x: Tensor
    reconstruction: Tensor
    counterfactual: Tensor
    z: Tensor
    z_prime: Tensor
    source: Tensor
    target: Tensor
    source_confidence: Tensor
    confidence: Tensor
    steps: Tensor
    status: Tensor
    reasons: tuple[str, ...]
    path: Tensor | None = None

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
