"""Which way leads from one class to another in Z."""

from typing import Protocol

import torch
from torch import Tensor

from counterfactuals.engine import Problem
from counterfactuals.methods.references import encoded
from networks.errors import InputError


class Direction(Protocol):
    """A way from class to class; the heads of invertible classifiers have one of their own."""

    def direction(self, source: Tensor, target: Tensor) -> Tensor:
        """d of classes n, n×D."""
        ...


class MeanEncodings:
    """z̄_t − z̄_s, of the training images that the predictor gives these classes (Hvilshøj et al. 2021, ECINN).

    The mean of a class moves what its images have in common beyond what tells it apart; a mixture's μ_t − μ_s is the
    same where the flow made the class N(μ_y, I), as its likelihood asks for.

    Raises:
        InputError: on use, no reference samples (see ``prepare``).
    """

    def __init__(self) -> None:
        self.means = torch.zeros(0, 0)

    def prepare(self, problem: Problem, x: Tensor) -> None:
        """Look at samples of the training split, M×``shape``; a class without any has no mean, and no way to it."""
        encodings, said = encoded(problem, x, "MeanEncodings")
        k = problem.predictor(x[:1]).shape[1]
        self.means = torch.stack([encodings[said == c].mean(0) for c in range(k)])

    def direction(self, source: Tensor, target: Tensor) -> Tensor:
        if not len(self.means):
            raise InputError("MeanEncodings has seen no reference samples: call prepare() first")
        return self.means[target] - self.means[source]
