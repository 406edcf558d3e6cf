"""Searches that have ended, made up."""

from dataclasses import replace
from typing import Any

import torch

from counterfactuals import Counterfactuals, Status

ENDED = (Status.FLIPPED, Status.TIMEOUT, Status.ALREADY_TARGET, Status.FAILED)
REASON = "the gradient is not finite (step 3)"


def searches(n: int, shape: tuple[int, ...], **other: Any) -> Counterfactuals:
    """n searches among three classes that ended in all ways, in turn; ``other`` fields take the place of these."""
    x = torch.rand(n, *shape, generator=torch.Generator().manual_seed(0))
    z, status = x.flatten(1), torch.tensor([ENDED[i % 4] for i in range(n)])
    made = Counterfactuals(
        x=x,
        reconstruction=x.clone(),
        counterfactual=(x + 0.3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1),
        z=z,
        z_prime=z + 1,
        source=torch.arange(n) % 3,
        target=(torch.arange(n) + 1) % 3,
        prediction=(torch.arange(n) + 1) % 3,
        source_confidence=torch.linspace(0.0001, 0.2, n),
        confidence=torch.linspace(0.991, 0.9999, n),
        steps=torch.arange(n) + 5,
        first_hit=torch.where(status == Status.FLIPPED, 5, -1),
        status=status,
        reasons=tuple(REASON if s == Status.FAILED else "" for s in status.tolist()),
    )
    return replace(made, **other)
