"""The latent space of a classifier that can be run backwards."""

import torch
from torch import Tensor

from counterfactuals.charts.chart import Chart
from networks.invertible import InvertibleClassifier


class InvertibleChart(Chart):
    """z = f(x) of an ``InvertibleClassifier``: exact, and with classes whose places are known (``ClosedForm``).

    Any predictor can be searched for in it, the classifier itself among them.

    Attributes:
        classifier: flow and head.
    """

    exact = True

    def __init__(self, classifier: InvertibleClassifier) -> None:
        super().__init__()
        self.classifier = classifier
        self.shape, self.dim = classifier.shape, classifier.dim

    def encode(self, x: Tensor) -> Tensor:
        return self.classifier.flow.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.classifier.flow.inverse(z)

    def encode_with_log_prob(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.classifier.encode_with_log_prob(x)

    @torch.no_grad()
    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n points of the classes' own, n×D on the CPU."""
        return self.classifier.classes.sample(n, generator=generator).cpu()
