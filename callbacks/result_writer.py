"""The results folder: journals while a run goes on, one table and one file of tensors at its end."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException

from callbacks.ranks import barrier, broadcast
from callbacks.tracking.logs import log_scalars
from counterfactuals.engine import ComparesWithReal, LearnsFromSamples
from counterfactuals.explanation import OWN_COLUMNS
from counterfactuals.goals.objectives import measured_as
from datamodules import DataModule
from datamodules.base import SplitName
from lightning_modules import CounterfactualModule, Explanation
from networks.errors import InputError
from results import generation
from results.files import finite, write_json
from results.identity import Identity, Samples, differences, measures_depend_on, searches_depend_on, stamp
from results.journal import Journal, Record
from results.lock import acquire, release
from results.provenance import fingerprints, provenance
from results.shards import Deduplicated, Run, Shards
from results.summary import loggable, summary_of
from results.table import merge

COMPARED: tuple[SplitName, ...] = ("train", "val")  # with what was made


class ResultWriter(Callback):
    """Writes every search as it ends, goes on with a run that was stopped, and merges at the end.

    ``shards/rank0-0.journal`` … hold what has ended, also after ``kill -9``. The same command reads
    them, hands them to the metric callbacks, and searches for the rest alone. Each sample has its own
    identity: one that was replaced is searched from again, and the others are kept wherever they stand
    now. Where callbacks or their networks have changed, the searches are kept and measured anew; a run
    with other settings of the search, another predictor or chart is refused.

    Afterwards rank zero leaves ``counterfactuals.safetensors`` (x, reconstruction, counterfactual, z,
    z_prime, and the control's), ``counterfactuals.parquet`` (one row a search, in the order of index and
    number), ``summary.json`` and what callbacks have put into ``callbacks.staging.results_folder``; all of it
    appears together, and what an earlier run has left in the folder stays until then. The journals go
    when all callbacks are through.

    It must come after the callbacks that add columns; ``explain.py`` sees to that.

    Attributes:
        settings: what must not change between a run and its continuation, nested; ``explain.py``
            sets it to the config's part that results depend on. ``callbacks`` in it are what measures.
        staging: where results are gathered before they appear, during a run.
    """

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.staging: Path | None = None
        self.journal: Journal | None = None
        self.begun = self.searched = self.took = False

    def setup(self, trainer: Trainer, pl_module: CounterfactualModule, stage: str) -> None:  # type: ignore[override]
        """Before any metric has begun to measure: that may take minutes."""
        folder, data = Path(trainer.default_root_dir), trainer.datamodule  # type: ignore[attr-defined]
        self.since = time.monotonic()
        self.begun = self.searched = False
        self.shards = Shards(folder / "shards")
        if trainer.is_global_zero:
            self.took = acquire(folder)
            generation.begin(folder)
            self.shards.clear()
        barrier(trainer, "opened")
        self.staging = folder / generation.STAGED
        self.samples = Samples.of(data.predict_selection())
        searches = searches_of(pl_module, data, self.settings)
        now = Run.new(searches, measures_of(trainer, data, self.settings))
        earlier = self.shards.run()
        if earlier is not None and (changed := differences(earlier.searches, searches)):
            if not generation.is_of(folder, earlier.id):
                raise InputError(_refusal(self.shards.folder, changed))
            earlier = None  # a finished run that was killed before its journals were removed
        self.earlier = earlier
        self.run = now if earlier is None else Run(searches, now.measures, earlier.id)
        self.hashes = fingerprints(pl_module.checkpoints)

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        self.hashes = fingerprints(pl_module.checkpoints)  # metric callbacks have added theirs
        barrier(trainer, "checked")
        if trainer.is_global_zero:
            if self.earlier is None:
                self.shards.remove()
            self.shards.begin(self.run)
        self.id = broadcast(trainer, "run", self.run.id)
        self.shards.folder.mkdir(parents=True, exist_ok=True)  # over a network other ranks see it late
        self.stamp = stamp(self.run.measures, self.samples)
        earlier = self.shards.journals()
        barrier(trainer, "listed")  # nobody may start a journal before all have seen the earlier ones
        self.journal, self.begun = self.shards.start(trainer.global_rank, earlier), True
        self._replay(earlier, trainer, pl_module)
        pl_module.listeners.append(self._write)

    def _write(self, explanation: Explanation) -> None:
        assert self.journal is not None
        self.journal.append(Record(explanation, self.samples.keys_of(explanation.index), self.id, self.stamp))

    def _replay(self, journals: list[Path], trainer: Trainer, pl_module: CounterfactualModule) -> None:
        """Skip what has ended; each rank hands its share of it to the metric callbacks.

        What was measured otherwise, or stands elsewhere now, goes into this run's own journal.
        """
        unseen, lost = Deduplicated(), 0
        # Those that are as they would be now come first: a run may have been killed while it measured anew.
        for mine, record in self._earlier(journals, trainer, pl_module, current=True):
            self._hand_on(record.explanation.take(unseen.rows(record.explanation)), mine, pl_module)
        as_now, repeated = unseen.number, unseen.repeated
        for mine, record in self._earlier(journals, trainer, pl_module, current=False):
            explanation = self._moved(record)
            lost += len(record.samples) - len(explanation.index)
            explanation = explanation.take(unseen.rows(explanation))
            self._hand_on(explanation, mine, pl_module)
            if mine and len(explanation.index):
                self._write(explanation)
        pl_module.finished = unseen.seen
        if trainer.is_global_zero:
            self._say(unseen.number, unseen.number - as_now, lost, repeated)
        if lost and not unseen.number:
            raise InputError(
                f"{self.shards.folder} holds {lost} searches of an unfinished run, and none of their samples is in the "
                "data now: give the data that it was begun with, choose another --trainer.default_root_dir, or delete "
                "that folder"
            )

    def _earlier(
        self, journals: list[Path], trainer: Trainer, pl_module: CounterfactualModule, current: bool
    ) -> Iterator[tuple[bool, Record]]:
        """Records that bear this run's stamp, or the others; and whether they are this rank's share."""
        if not current and self.shards.stamps <= {self.stamp}:
            return
        for i, record in enumerate(self.shards.records(self.id, journals)):
            if record.explanation.name not in pl_module.searches:
                raise InputError(f"{self.shards.folder} holds searches of a method that this run does not have")
            if (record.stamp == self.stamp) == current:
                yield i % trainer.world_size == trainer.global_rank, record

    @staticmethod
    def _hand_on(explanation: Explanation, mine: bool, pl_module: CounterfactualModule) -> None:
        pl_module.remember(explanation)
        if mine and len(explanation.index):
            for listener in pl_module.listeners:
                listener(explanation)

    def _moved(self, record: Record) -> Explanation:
        """Searches of samples that are still there, at their present positions, without what was measured."""
        found = self.samples.find(record.samples)
        explanation = record.explanation.take(found.rows)
        explanation.index = found.positions
        explanation.columns = {name: v for name, v in explanation.columns.items() if name in OWN_COLUMNS}
        return explanation

    def _say(self, kept: int, anew: int, lost: int, repeated: int) -> None:
        for note in dict.fromkeys(self.shards.notes):
            print(note)
        if not kept + lost:
            return
        text = f"Continuing: {kept} searches of an earlier run are kept"
        if anew:
            changed = differences(self.earlier.measures, self.run.measures) if self.earlier else []
            text += f", {anew} of them measured anew" + (f", since {'; '.join(changed[:3])}" if changed else "")
        if lost:
            text += f"; {lost} are of samples that have been changed or removed since, and are left out"
        print(text + (f"; {repeated} stood there more than once" if repeated else ""))

    def on_predict_batch_end(self, trainer: Trainer, *args: Any) -> None:
        batches: list[Any] = trainer.num_predict_batches
        self.searched = trainer.world_size == 1 and args[3] + 1 == sum(batches)

    def on_predict_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        self._close()
        barrier(trainer, "written")
        if trainer.is_global_zero:
            assert self.staging is not None
            data: DataModule = trainer.datamodule  # type: ignore[attr-defined]
            explanations = self.shards.explanations(self.id, self.stamp)
            check_anything(explanations, pl_module, data)
            table = merge(explanations, self.staging, pl_module.finished_table)
            seconds = time.monotonic() - self.since
            made_with = provenance(pl_module.checkpoints, self.hashes, pl_module.device, seconds)
            means = measured_as(pl_module.objective)
            summary = summary_of(table, pl_module.searches, pl_module.summary, means, data.class_names, made_with)
            summary = finite(summary)
            write_json(self.staging / "summary.json", summary)
            generation.commit(Path(trainer.default_root_dir), self.id)
            log_scalars(trainer, loggable(summary))
        barrier(trainer, "merged")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """All callbacks are through and nothing has failed: Lightning does not call it otherwise."""
        if trainer.is_global_zero:
            self.shards.remove()
        self._leave(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._close()
        if trainer.is_global_zero and self.begun and (kept := self._kept(exception)):
            print(f"\nStopped: {kept}")
        self._leave(trainer)

    def _kept(self, exception: BaseException) -> str:
        """What is left and what to do; a crash comes again where nothing is mended."""
        try:
            if not (number := self.shards.count(self.id)) and isinstance(exception, InputError):
                return ""
            kept = f"{number} finished searches are kept in {self.shards.folder}"
        except (OSError, InputError) as error:
            return f"{self.shards.folder} cannot be read ({error})"
        if isinstance(exception, (KeyboardInterrupt, SystemExit, SIGTERMException)):
            return f"{kept}; the same command continues"
        if self.searched:
            return f"all searches have ended, and {kept}; once what failed is mended, the same command ends the run"
        return f"{kept}; once what failed is mended, the same command continues"

    def _leave(self, trainer: Trainer) -> None:
        if self.staging is not None and trainer.is_global_zero:
            generation.abandon(self.staging.parent)
        if self.took:
            release(Path(trainer.default_root_dir))
        self.took, self.staging = False, None

    def _close(self) -> None:
        if self.journal is not None:
            self.journal.close()
            self.journal = None


def _refusal(folder: Path, differences: list[str]) -> str:
    return (
        f"{folder} holds an unfinished run that this one would not continue: "
        + "; ".join(differences[:5])
        + (f"; and {len(differences) - 5} more" if len(differences) > 5 else "")
        + ". Finish it with its own command, choose another --trainer.default_root_dir, or delete that folder"
    )


def check_anything(explanations: list[Explanation], module: CounterfactualModule, data: DataModule) -> None:
    """Raise ``InputError`` where the targets asked for no search at all, as ``FewAndMany`` may."""
    if not explanations:
        raise InputError(
            f"no search was asked for: {type(module.target).__name__} leaves all {len(data.predict_selection())} "
            "samples as they are, by what the predictor says of them; change its numbers, or explain other samples"
        )


def searches_of(module: CounterfactualModule, data: DataModule, settings: dict[str, Any]) -> Identity:
    """What the searches of this run depend on."""
    learners = any(isinstance(method, LearnsFromSamples) for _, method in module.searches.values())
    learners |= isinstance(module.objective, ComparesWithReal)
    parts = {"the predictor": module.predictor, "the chart": module.chart}
    parts |= {"what the methods hold": module.held} if len(module.held) else {}
    return searches_depend_on(parts, data.shape, settings, data.split("train") if learners else None)


def measures_of(trainer: Trainer, data: DataModule, settings: dict[str, Any]) -> Identity:
    """What its measurements depend on besides."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # Lightning attaches them at run time
    judges = {role: path for c in callbacks for role, path in getattr(c, "checkpoints", {}).items()}
    return measures_depend_on(fingerprints(judges), {s: data.split(s) for s in COMPARED}, settings)
