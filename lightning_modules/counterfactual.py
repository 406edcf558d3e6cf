"""Counterfactuals of a whole split, inside Lightning's predict loop."""

import time
from dataclasses import dataclass, field
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from counterfactuals.ascent import Ascent, Method
from counterfactuals.charts import Chart, PixelChart
from counterfactuals.explain import plan, search
from counterfactuals.freeze import frozen
from counterfactuals.objectives import Objective, ReachClass
from counterfactuals.result import Counterfactuals
from counterfactuals.targets import TargetPolicy
from lightning_modules.checkpoint import load
from lightning_modules.classifier import ClassifierModule
from lightning_modules.flow import FlowModule
from lightning_modules.task import shape_problem
from networks.errors import InputError


@dataclass
class Explanation:
    """What one predict step returns.

    Attributes:
        index: position in the split of every search, N int64.
        y: label of every search's sample, N.
        results: the searches by name: "" for the chart's, "control" for the pixel control's.
        seconds: wall time of one search on average, by the same names.
        columns: further values a row, added by metric callbacks for the table, N each.
    """

    index: Tensor
    y: Tensor
    results: dict[str, Counterfactuals]
    seconds: dict[str, float]
    columns: dict[str, Tensor] = field(default_factory=dict)


class CounterfactualModule(LightningModule):
    """Explains the data module's predict split; predict only.

    Args:
        predictor: the model to explain: a module that normalises inside itself, or the path of a
            ``ClassifierModule``'s checkpoint.
        chart: coordinates to search in: a ``Chart``, or the path of a ``FlowModule``'s checkpoint.
        target: which classes to search for.
        objective: when a search is content, e.g. Λ.
        method: how to search.
        control: how to search in pixels, with the same predictor, targets and objective;
            ``None`` leaves the control out.

    Raises:
        InputError: a checkpoint that cannot be used.
    """

    def __init__(
        self,
        predictor: str | nn.Module,
        chart: str | Chart,
        target: TargetPolicy,
        objective: Objective | None = None,
        method: Method | None = None,
        control: Method | None = None,
    ) -> None:
        super().__init__()
        self.predictor = load(predictor, ClassifierModule).network if isinstance(predictor, str) else predictor
        self.chart = load(chart, FlowModule).chart() if isinstance(chart, str) else chart
        self.control_chart = PixelChart(self.chart.shape)
        self.target = target
        self.objective = objective or ReachClass()
        self.method, self.control = method or Ascent(), control
        self.checkpoints = {k: v for k, v in (("predictor", predictor), ("chart", chart)) if isinstance(v, str)}
        #: what the callbacks found, for summary.json
        self.summary: dict[str, Any] = {}

    def setup(self, stage: str) -> None:
        """Refuse what cannot work before anything is searched; every problem in one error."""
        datamodule = getattr(self.trainer, "datamodule", None)
        if datamodule is not None:
            InputError.collect(self.problems_with(datamodule))

    def problems_with(self, datamodule: Any) -> list[str]:
        """What keeps predictor, chart and targets from working on the data module."""
        problems = shape_problem("the predictor", getattr(self.predictor, "shape", None), datamodule)
        problems += shape_problem("the chart", self.chart.shape, datamodule)
        if problems:
            return problems
        example = torch.zeros(1, *datamodule.shape, device=self.device)
        try:
            with frozen(self.predictor):
                plan(self.predictor, self.chart, example, self.target)
        except InputError as error:
            return [str(error)]
        return []

    def predict_step(self, batch: dict[str, Tensor], batch_idx: int) -> Explanation:
        x = batch["x"]
        with frozen(self.predictor, self.chart):
            searches = plan(self.predictor, self.chart, x, self.target)
        results, seconds = {}, {}
        for name, chart, method in (("", self.chart, self.method), ("control", self.control_chart, self.control)):
            if method is not None:
                start = time.perf_counter()
                results[name] = search(
                    self.predictor, chart, x[searches.rows], searches.target, method, self.objective
                ).to("cpu")
                seconds[name] = (time.perf_counter() - start) / max(len(searches.rows), 1)
        rows = searches.rows
        return Explanation(
            batch["index"][rows].cpu(), batch["y"][rows].cpu(), results, seconds, self._latent_distances(results)
        )

    @torch.no_grad()
    def _latent_distances(self, results: dict[str, Counterfactuals]) -> dict[str, Tensor]:
        """‖z′ − z‖₂ of every result in the coordinates of the one chart, N each."""
        own = results[""]
        distances = {"l2_z": (own.z_prime - own.z).norm(dim=1)}
        if "control" in results:
            with frozen(self.chart):
                z_prime = self.chart.encode(results["control"].counterfactual.to(self.device)).cpu()
            distances["control_l2_z"] = (z_prime - own.z).norm(dim=1)
        return distances
