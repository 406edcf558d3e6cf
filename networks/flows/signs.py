"""Random signs that are a sample's own, in any batch and on any device."""

import torch
from torch import Tensor

# odd numbers of SplitMix64, as int64
STEP, FIRST, SECOND = (n - 2**64 for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def random_signs(x: Tensor, num: int) -> Tensor:
    """Vectors of ±1 for every sample, drawn by a hash of what is in it; in the type of x.

    A likelihood that is estimated with them does not depend on a sample's batch or place, and its errors average out
    over samples, which are drawn for apart. Integers wrap around in the same way everywhere, and their sum has no
    order: processors and graphics cards draw the same.

    Args:
        x: samples of B×…; float64 ones get what they get in float32.
        num: M, vectors a sample.

    Returns:
        M×B×D.
    """
    values = (x.detach().flatten(1).float() + 0.0).view(torch.int32).long()  # + 0.0: −0 is 0
    places = torch.arange(1, values.shape[1] + 1, device=x.device) * STEP
    seeds = _mixed((_mixed(values + places)).sum(1))
    counts = torch.arange(1, num * values.shape[1] + 1, device=x.device).view(num, 1, -1) * STEP
    return torch.where(_mixed(seeds[None, :, None] + counts) < 0, -1.0, 1.0).to(x)


def _mixed(h: Tensor) -> Tensor:
    """Numbers that look random, one for each int64: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    h = (h ^ _shifted(h, 30)) * FIRST
    h = (h ^ _shifted(h, 27)) * SECOND
    return h ^ _shifted(h, 31)


def _shifted(h: Tensor, bits: int) -> Tensor:
    """To the right with zeros from the left, as if h had no sign."""
    return (h >> bits) & (2 ** (64 - bits) - 1)
