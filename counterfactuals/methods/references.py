"""Samples that a method learns from before its first search."""

import torch
from torch import Tensor

from counterfactuals.engine import Problem
from counterfactuals.goals.objectives import classes
from counterfactuals.methods.state import finite
from networks.errors import InputError


@torch.no_grad()
def encoded(problem: Problem, x: Tensor, who: str) -> tuple[Tensor, Tensor]:
    """Encodings of M samples, m×D, and the classes that the predictor gives them, m int64, m ≤ M; not those of NaN.

    Raises:
        InputError: a predictor of values, or NaN for all of them; the sentence begins with ``who``.
    """
    encodings, found = [], []
    for part in x.split(256):
        z, logits = problem.chart.encode(part), problem.predictor(part)
        said = classes(logits, who)
        known = finite(z) & ~logits.isnan().any(1)
        encodings.append(z[known])
        found.append(said[known])
    if not sum(map(len, found)):
        raise InputError(f"{who}: predictor or chart give NaN for all of {len(x)} reference samples")
    return torch.cat(encodings), torch.cat(found)
