"""No more certain than of real samples of the class."""

import torch
from torch import Tensor, nn

from counterfactuals.goals.objectives import classes, logit_margin
from networks.checks import within
from networks.errors import InputError

FEWEST = 5  # samples of a class from which a quantile is taken


class ReachTypical:
    """As certain of class t as the predictor is of a typical real sample of t: the logit margin m_t that it has there.

    Λ says how certain to be and knows nothing of the predictor: one that is never less than 99.9 % sure reaches 0.99 at
    its very boundary, and where the search goes on into the class nothing tells it when it has gone beyond every real
    sample. m_t is the ``quantile`` of the margins of reference samples that the predictor gives class t.

    Args:
        quantile: in [0, 1]; 0.5 is the median.

    Attributes:
        margins: m_t of every class, K; NaN where too few reference samples are given it. Known after ``prepare``.

    Raises:
        InputError: a quantile out of range; on use, no references yet, or too few of a class.
    """

    measured_as = "logit margin beyond a typical one"
    goal = 0.0

    def __init__(self, quantile: float = 0.5) -> None:
        InputError.collect(within(0, 1, quantile=quantile))
        self.quantile = quantile
        self.margins: Tensor | None = None

    @torch.no_grad()
    def prepare(self, predictor: nn.Module, x: Tensor) -> None:
        """Look at samples of the training split, M×``shape``."""
        logits = torch.cat([predictor(part) for part in x.split(256)])
        said = self.prediction(logits)
        margin = logit_margin(logits, said)
        each = [margin[(said == c) & margin.isfinite()] for c in range(logits.shape[1])]
        known = [m.quantile(self.quantile) if len(m) >= FEWEST else m.new_tensor(torch.nan) for m in each]
        self.margins = torch.stack(known)

    def typical(self, target: Tensor) -> Tensor:
        """m_t of targets t, B."""
        if self.margins is None:
            raise InputError("ReachTypical has seen no real samples yet: call prepare(predictor, x) with some")
        wanted = self.margins.to(target.device)[target]
        if wanted.isnan().any():
            missing = int(target[wanted.isnan()][0])
            raise InputError(
                f"ReachTypical needs {FEWEST} reference samples that the predictor takes for class {missing}, and has "
                "fewer: show it more (--model.references), or use ReachClass"
            )
        return wanted

    def prediction(self, logits: Tensor) -> Tensor:
        return classes(logits, type(self).__name__)

    def margin(self, logits: Tensor, target: Tensor) -> Tensor:
        """logit_t − max_{j≠t} logit_j, B."""
        return logit_margin(logits, target)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return -self.score(logits, target)

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        return logit_margin(logits, target) - self.typical(target)

    def reached(self, score: Tensor) -> Tensor:
        return score > 0

    def already_reached(self, logits: Tensor, target: Tensor) -> Tensor:
        return logits.argmax(1) == target
