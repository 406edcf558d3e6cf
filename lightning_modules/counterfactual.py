"""Counterfactuals of a whole split, inside Lightning's predict loop."""

import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException
from pytorch_lightning.utilities.rank_zero import rank_zero_warn
from torch import Tensor, nn

from counterfactuals.charts.chart import Chart, counting
from counterfactuals.charts.pixel import PixelChart
from counterfactuals.charts.residual import WithResidual
from counterfactuals.contract import check_made
from counterfactuals.engine import ComparesWithReal, LearnsFromSamples, Method, Problem, RequiresChart, gathered
from counterfactuals.explain import plan, search, slots_that_pay
from counterfactuals.explanation import Explanation
from counterfactuals.freeze import frozen
from counterfactuals.goals.matched import Matched, judged
from counterfactuals.goals.objectives import Objective, ReachAll, ReachClass
from counterfactuals.goals.targets import KnownValues, Searches, TargetPolicy
from counterfactuals.held import modules_in
from counterfactuals.memory import advising
from counterfactuals.methods.ascent import Ascent
from counterfactuals.methods.diverse import Diverse
from counterfactuals.progress import track
from counterfactuals.result import Counterfactuals
from lightning_modules.checkpoints.charted import load_chart
from lightning_modules.checkpoints.checkpoint import load
from lightning_modules.checkpoints.predictor import load_predictor
from lightning_modules.classifier import ClassifierModule
from lightning_modules.task import PRECISIONS, shape_problem
from lightning_modules.understood import Understood, understood
from networks.adapter import inside
from networks.checks import objects, whole
from networks.committee import Committee
from networks.errors import InputError
from networks.precision import exact

GATHERED = 64  # searches that have ended are handed to the listeners together, since these take as long for one
#: begin columns: no names of methods
RESERVED = ("control", "paper_control", "oracle", "source", "reconstruction", "attribution", "refined", "change")
NO_SEARCH_FITS = (
    "not even one search at a time fits beside the batch: lower --data.batch_size, set --model.slots, take smaller "
    "images or a device with more memory"
)


Listener = Callable[[Explanation], None]
Finisher = Callable[[pd.DataFrame, str], pd.DataFrame]


class CounterfactualModule(LightningModule):
    """Explains the data module's predict split; predict only.

    Args:
        predictor: the model to explain: any module that takes images in [0, 1] and returns logits,
            probabilities or one value a sample (see ``networks.Adapter``); or the path of a
            ``ClassifierModule``'s or a ``RegressorModule``'s checkpoint; or a list of classifiers' paths, with
            ``ReachAll`` as the objective: all of them must change their minds.
        chart: coordinates to search in: a ``Chart``, or the path of the checkpoint of a task that has one, such
            as ``FlowModule``, ``FlowMatchingModule`` or ``VAEModule``.
        target: which classes to search for.
        objective: when a search is content, e.g. Λ.
        method: how to search.
        control: how to search in pixels, with the same predictor, targets and objective, and on until the predictor
            is as certain of every x′ as of the chart's (``counterfactuals.Matched``); ``None`` leaves the control out.
        paper_control: how to search in pixels and stop where the objective is reached, as published controls do.
        others: further methods by name, on the same chart, to compare with.
        matched: which results besides the control go on until they are as certain as the chart's, by name.
        slots: searches under way at a time; ``None`` for as many as pay.
        references: training samples that are shown to methods and objectives which learn from data (``prepare``).
        locked: names of the chart's coordinates that no search moves, such as the attribute that defines the class
            (``counterfactuals.AttributeChart``).
        residual: add to what the chart gives back of x what it leaves out of it (``counterfactuals.WithResidual``): an
            approximate chart becomes exact.
        adapter: makes a predictor of it where it is none, or none for the data: ``networks.Adapter`` with what its
            outputs are, its classes' names in its own order, and the size, mean and std that it wants. ``None`` looks.

    Searches are handed to the ``listeners`` as they end: a predict batch may hold thousands.

    Raises:
        InputError: a checkpoint that cannot be used, a number out of its range, a class in place of an object, or a
            list of predictors without ``ReachAll``.
    """

    def __init__(
        self,
        predictor: str | list[str] | nn.Module,
        chart: str | Chart,
        target: TargetPolicy,
        objective: Objective | None = None,
        method: Method | None = None,
        control: Method | None = None,
        paper_control: Method | None = None,
        others: dict[str, Method] | None = None,
        matched: list[str] | None = None,
        slots: int | None = None,
        references: int = 2000,
        residual: bool = False,
        locked: list[str] | None = None,
        adapter: Callable[[nn.Module], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        problems = whole(1, references=references) + ([] if slots is None else whole(1, slots=slots))
        methods = {"method": method, "control": control, "paper_control": paper_control, **(others or {})}
        InputError.collect(problems + objects(Method, **methods) + objects(Objective, objective=objective))
        self.strict_loading = False  # of what on_save_checkpoint leaves
        with InputError.about("predictor"):
            self.predictor = _predictor(predictor)
        with InputError.about("adapter"):
            self.predictor = self.predictor if adapter is None else adapter(self.predictor)
            check_made(self.predictor)
        with InputError.about("chart"):
            self.chart = load_chart(chart) if isinstance(chart, str) else chart
            if residual:
                self.chart = WithResidual(self.chart)
            self.chart.lock(locked or [])
        self.chart.explaining(self.predictor)
        self.target = target
        self.objective = objective or ReachClass()
        _check_committee(self.predictor, self.objective)
        _check_names(others or {})
        on_chart, in_pixels = {"": method or Ascent(), **(others or {})}, PixelChart(self.chart.shape)
        controls = {"paper_control": paper_control, "control": control}
        #: name → coordinates and method of each result
        self.searches: dict[str, tuple[Chart, Method]] = {
            **{name: (self.chart, searching) for name, searching in on_chart.items()},
            **{name: (in_pixels, searching) for name, searching in controls.items() if searching is not None},
        }
        self.matched = _matched(matched or [], others or {})
        #: (index, number) → margin of the chart's x′, 0 where it did not flip; what the others are matched to
        self.margins: dict[tuple[int, int], float] = {}
        for name, (own, searching) in self.searches.items():
            if isinstance(searching, RequiresChart):
                with InputError.about(name or "method"):
                    searching.check(own)
        #: networks that methods and objective hold, so that they are moved with the rest
        self.held = nn.ModuleList(modules_in(self.objective, [searching for _, searching in self.searches.values()]))
        each = {name or "method": counterfactuals_each(method) for name, (_, method) in self.searches.items()}
        if len(set(each.values())) > 1:
            raise InputError(f"all methods of a run must give as many counterfactuals a search; they give {each}")
        self.slots, self.references = slots, references
        #: grey values of the data, to which every x′ is rounded; set in ``setup``
        self.levels: int | None = None
        self._found: dict[str, int] = {}  # slots by result, where they are not set
        #: called with searches that have ended, in this order; metric callbacks and writers add themselves
        self.listeners: list[Listener] = []
        #: called with the merged table and every result's name at the end; they return it with more columns
        self.finishers: list[Finisher] = []
        #: searches that an earlier run has ended: result → (index, number)
        self.finished: dict[str, set[tuple[int, int]]] = {}
        #: role → path of what the run is made with; metric callbacks add theirs
        self.checkpoints = _paths(predictor, chart)
        #: what was understood of the model; set in ``setup``
        self.found: Understood
        #: what the callbacks found, for summary.json
        self.summary: dict[str, Any] = {}

    def setup(self, stage: str) -> None:
        """Refuse what cannot work before anything is searched; every problem in one error."""
        self.listeners, self.finishers, self.finished, self.summary, self._found = [], [], {}, {}, {}
        self.margins = {}
        if self.trainer.precision not in PRECISIONS:
            raise InputError(
                f"a search is made in float32, and --trainer.precision {self.trainer.precision} would convert weights "
                "and images: leave it out. Ascent(bf16=true) takes the gradients alone in bfloat16"
            )
        datamodule = getattr(self.trainer, "datamodule", None)
        self.levels = getattr(datamodule, "levels", None)
        if datamodule is not None:
            InputError.collect(self.problems_with(datamodule))
            self._say(self.found)
            self._count_attributes(datamodule)

    def problems_with(self, datamodule: Any) -> list[str]:
        """What keeps predictor, chart and targets from working on the data module."""
        problems = shape_problem("the predictor", getattr(self.predictor, "shape", None), datamodule)
        problems += self._absurd_values(datamodule)
        problems += shape_problem("the chart", self.chart.shape, datamodule)
        if problems:
            return problems
        methods = [method for _, method in self.searches.values()]
        try:
            found = understood(self.predictor, self.objective, self.target, methods, datamodule)
            self.predictor, self.objective = found.predictor, found.objective
            self.chart.explaining(self.predictor)
            with frozen(self.predictor):
                plan(self.predictor, self.chart, found.samples, self.target, self.objective)
        except InputError as error:
            return [str(error)]
        self.found = found
        self._warn_of_classes(datamodule)
        return []

    def _warn_of_classes(self, datamodule: Any) -> None:
        """A chart's own coordinate for the class answers "it would have to be of that class"."""
        free = self.chart.free(torch.arange(self.chart.dim)[None])[0].tolist() if self.chart.names else []
        moved = {name for i, name in enumerate(self.chart.names) if i in free}
        if given := [name for name in getattr(datamodule, "class_names", []) if name in moved]:
            rank_zero_warn(
                f"{given[0]} is a class and a coordinate of the chart, which the search will turn instead of finding "
                f"out what else counts: --model.locked '[{given[0]}]'"
            )

    def _say(self, found: Understood) -> None:
        """What was understood of the model: on the terminal now, and in summary.json and the report at the end."""
        if self.trainer.is_global_zero:
            print("\n".join(f"warning: {line}" if line in found.warnings else line for line in found.lines))
        self.summary["model"] = {"understood": found.lines, "warnings": found.warnings}

    def _count_attributes(self, datamodule: Any) -> None:
        """How the training images' attributes go along with their classes: a counterfactual's may come from there."""
        train = (
            datamodule.split("train") if datamodule.attribute_names and datamodule.task == "classification" else None
        )
        if train is None or train.attributes is None:
            return
        means = [train.attributes[train.y == c].mean(0).tolist() for c in range(datamodule.num_classes)]
        by_name = zip(*means, strict=True)
        self.summary["attribute_means"] = {n: list(m) for n, m in zip(datamodule.attribute_names, by_name, strict=True)}

    def _absurd_values(self, datamodule: Any) -> list[str]:
        """A count of −3 or of a million is never reached; the search would take all its steps to find out."""
        if datamodule.value_range is None or not isinstance(self.target, KnownValues):
            return []
        low, high = datamodule.value_range
        return [
            f"the target value {value:g} is outside of what {type(datamodule).__name__} has, {low:g} to {high:g}: no "
            "image can have it"
            for value in self.target.asked_for
            if not low <= value <= high
        ]

    def on_predict_start(self) -> None:
        if isinstance(self.objective, ComparesWithReal):
            with frozen(self.predictor), exact(self.device):
                self.objective.prepare(self.predictor, self._references())
        for chart, method in self.searches.values():
            if isinstance(method, LearnsFromSamples):
                with frozen(self.predictor, chart):
                    method.prepare(Problem(self.predictor, chart, self.objective), self._references())

    def _references(self) -> Tensor:
        train = self.trainer.datamodule.split("train")  # type: ignore[attr-defined]
        chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[: self.references]
        return train.__getitems__(chosen.tolist())["x"].to(self.device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """SLURM's requeueing saves what it interrupts. Here the journals do, and weights have files of their own."""
        checkpoint["state_dict"] = {}

    def finished_table(self, table: pd.DataFrame) -> pd.DataFrame:
        """The merged table with what can only be said when all of a row's columns are there."""
        parts = [(finisher, name) for finisher in self.finishers for name in self.searches]
        for finisher, name in track(parts, "measuring the whole run", shows_progress(self.trainer)):
            table = finisher(table, name)
        return table

    def predict_step(self, batch: dict[str, Tensor], batch_idx: int) -> int:
        """Search from every sample of a batch; the results go to the listeners.

        Returns:
            how many searches the batch asked for.
        """
        with frozen(self.predictor, self.chart), exact(self.device):  # the listeners measure here, too
            with advising("the model was given a whole batch: lower --data.batch_size"):
                searches = plan(self.predictor, self.chart, batch["x"], self.target, self.objective)
            for name in self.searches:
                todo = self._unfinished(name, batch["index"][searches.rows], searches.number)
                if len(todo):
                    with advising(NO_SEARCH_FITS):
                        self._search(name, batch, searches, todo)
        return len(searches.rows)

    def _unfinished(self, name: str, index: Tensor, number: Tensor) -> Tensor:
        """Which of the searches have not ended yet; all counterfactuals of one end together."""
        finished, several = self.finished.get(name, set()), counterfactuals_each(self.searches[name][1])
        keys = zip(index.tolist(), (number * several).tolist(), strict=True)
        return torch.tensor([i for i, key in enumerate(keys) if key not in finished], device=index.device).long()

    def _search(self, name: str, batch: dict[str, Tensor], searches: Searches, todo: Tensor) -> None:
        chart, method = self.searches[name]
        rows, target, number = searches.rows[todo], searches.target[todo], searches.number[todo]
        x, start, several = batch["x"][rows], time.perf_counter(), counterfactuals_each(method)
        objective = self._objective(name, batch["index"][rows], number * several)
        slots = self.slots or self._slots(name, x, target, objective)
        with counting(chart) as decodes:
            each = search(self.predictor, chart, x, target, method, objective, slots, self.levels)
            for ended in gathered(each, min(slots, GATHERED), lambda: self.trainer.received_sigterm):
                which, n = rows[ended.rows], len(ended.rows)
                member = torch.arange(n, device=rows.device) % several
                explanation = Explanation(
                    name,
                    batch["index"][which].cpu(),
                    (number[ended.rows] * several + member).cpu(),
                    batch["y"][which].cpu(),
                    ended.counterfactuals,
                    torch.full((n,), (time.perf_counter() - start) / n),
                    {"decodes": torch.full((n,), decodes.count / n)},
                )
                self._judge(explanation)
                with advising(f"what judges the results was given {n} at once: lower --model.slots"):
                    for listener in self.listeners:
                        listener(explanation)
                if self.trainer.received_sigterm:  # Lightning looks at it between batches, and ours last for hours
                    raise SIGTERMException(128 + signal.SIGTERM)  # the shell's exit code of a process that was ended so
                start, decodes.count = time.perf_counter(), 0  # what the listeners decode is not the search's

    def _objective(self, name: str, index: Tensor, number: Tensor) -> Objective:
        """Of searches from samples at ``index``; of the sets of several, by the number of the first (n int64 each)."""
        if name not in self.matched:
            return self.objective
        several = range(counterfactuals_each(self.searches[name][1]))
        keys = zip(index.tolist(), number.tolist(), strict=True)
        margins = [[self.margins.get((i, first + member), 0.0) for member in several] for i, first in keys]
        return Matched(self.objective, torch.tensor(margins, device=self.device).mean(1))

    def remember(self, explanation: Explanation) -> None:
        """Note the margins of the chart's x′, for the searches that are matched to them."""
        if explanation.name == "" and self.matched:
            flipped = explanation.counterfactuals.flipped
            margin = torch.where(flipped, explanation.columns["logit_margin"], 0.0)
            keys = zip(explanation.index.tolist(), explanation.number.tolist(), strict=True)
            self.margins |= dict(zip(keys, margin.tolist(), strict=True))

    def _judge(self, explanation: Explanation) -> None:
        """What the predictor and the chart say of x′, of searches that have just ended; moves them to the CPU."""
        cf = explanation.counterfactuals
        cf, margin, p = judged(self.predictor, self.objective, cf, explanation.name in self.matched)
        explanation.columns["logit_margin"] = margin.float().cpu()
        if p is not None:
            explanation.columns["probability"] = p.float().cpu()
        if explanation.name in self.matched:
            explanation.columns["matched"] = (cf.first_hit >= 0).cpu()
        explanation.columns["l2_z"] = self._latent_distance(explanation.name, cf).cpu()
        chart = self.searches[explanation.name][0]
        told = (chart.named(cf.z_prime) - chart.named(cf.z)).cpu()
        explanation.columns |= {f"told_{name}": told[:, i] for i, name in enumerate(chart.names)}
        explanation.counterfactuals = cf.to("cpu")
        self.remember(explanation)

    def _slots(self, name: str, x: Tensor, target: Tensor, objective: Objective) -> int:
        """Found once; the few rows that a continued run may begin with say nothing about the batches to come."""
        if name in self._found:
            return self._found[name]
        chart, method = self.searches[name]
        over = partial(track, what="how many searches at a time pay", shown=shows_progress(self.trainer))
        found = slots_that_pay(self.predictor, chart, x, target, method, objective, self.levels, over)
        if 2 * found < len(x):
            self._found[name] = found
        return found

    @torch.no_grad()
    def _latent_distance(self, name: str, cf: Counterfactuals) -> Tensor:
        """‖f(x′) − f(x)‖₂ in the one chart's coordinates, whatever the search's own were; n.

        Of the x′ that is shown: ``z_prime``, where a search ended, is another point once x′ is clipped or rounded.
        """
        z = cf.z if self.searches[name][0] is self.chart else self.chart.encode(cf.x)
        return self.chart.free(self.chart.encode(cf.counterfactual) - z).norm(dim=1)


def _check_names(others: dict[str, Method]) -> None:
    for name in others:
        if not name.isidentifier() or name in RESERVED:
            raise InputError(
                f"others: {name!r} cannot name a method: use letters, digits and _, and not {', '.join(RESERVED)}"
            )


def _matched(names: list[str], others: dict[str, Method]) -> set[str]:
    """What goes on until it is as certain as the chart's: always the control."""
    if unknown := [name for name in names if name not in others]:
        raise InputError(
            f"matched: {', '.join(unknown)} is none of the others, which are {', '.join(others) or 'none'}"
        )
    return {"control", *names}


def shows_progress(trainer: Trainer) -> bool:
    """Whether this rank says how far it is; not with ``--trainer.enable_progress_bar false``."""
    return trainer.is_global_zero and trainer.progress_bar_callback is not None


def counterfactuals_each(method: Method) -> int:
    """How many a search comes to."""
    return method.members if isinstance(method, Diverse) else 1


def _check_committee(predictor: nn.Module, objective: Objective) -> None:
    """Raise ``InputError`` where one of several predictors and ``ReachAll`` is there without the other."""
    several = isinstance(inside(predictor), Committee)
    if isinstance(objective, ReachAll) and not several:
        raise InputError("objective ReachAll is for a list of predictors; for one predictor take ReachClass")
    if several and not isinstance(objective, ReachAll):
        raise InputError(
            f"objective must be ReachAll for a list of predictors, of which all must change their minds; got "
            f"{type(objective).__name__}: --model.objective counterfactuals.ReachAll"
        )


def _paths(predictor: str | list[str] | nn.Module, chart: str | Chart) -> dict[str, str]:
    """Of the checkpoints among them, by role."""
    several = {f"predictor_{i}": path for i, path in enumerate(predictor)} if isinstance(predictor, list) else {}
    named: dict[str, Any] = {**(several or {"predictor": predictor}), "chart": chart}
    return {name: value for name, value in named.items() if isinstance(value, str)}


def _predictor(given: str | list[str] | nn.Module) -> nn.Module:
    if isinstance(given, list):
        return Committee([load(path, ClassifierModule).network for path in given])
    return load_predictor(given) if isinstance(given, str) else given
