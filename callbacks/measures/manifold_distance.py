"""How far from the data the counterfactuals are, where the manifold is known."""

from collections.abc import Callable

from pytorch_lightning import Callback, Trainer
from torch import Tensor

from lightning_modules import CounterfactualModule, Explanation


class ManifoldDistance(Callback):
    """Adds a column ``distance`` a result, from which the summary takes ``median_distance``.

    Args:
        distance: samples N×``shape`` → distance to the manifold, N; for the helix
            ``datamodules.distance_to_helix``.
    """

    def __init__(self, distance: Callable[[Tensor], Tensor]) -> None:
        self.distance = distance

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        pl_module.listeners.append(self._add_column)

    def _add_column(self, explanation: Explanation) -> None:
        explanation.columns["distance"] = self.distance(explanation.counterfactuals.counterfactual)
