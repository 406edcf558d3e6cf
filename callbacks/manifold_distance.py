"""How far from the data the counterfactuals are, where the manifold is known."""

from collections.abc import Callable
from typing import Any

from pytorch_lightning import Callback, Trainer
from torch import Tensor

from callbacks.naming import column
from lightning_modules import CounterfactualModule, Explanation


class ManifoldDistance(Callback):
    """Adds a column ``distance`` a result, from which the summary takes ``median_distance``.

    Args:
        distance: samples N×``shape`` → distance to the manifold, N; for the helix
            ``datamodules.distance_to_helix``.
    """

    def __init__(self, distance: Callable[[Tensor], Tensor]) -> None:
        self.distance = distance

    def on_predict_batch_end(  # type: ignore[override]
        self, trainer: Trainer, pl_module: CounterfactualModule, outputs: Explanation, *_: Any
    ) -> None:
        for result, cf in outputs.results.items():
            outputs.columns[column(result, "distance")] = self.distance(cf.counterfactual)
