"""best.ckpt is the best, and last.ckpt the last."""

import time
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor

from lightning_modules.checkpoints.checkpoint import read
from networks.errors import InputError


class BestAndLast(ModelCheckpoint):
    """Lightning's, with names that mean what they say.

    Since 2.6 Lightning writes last.ckpt only where the best has just changed. A killed training then loses all epochs
    since its best one, and what a training leaves depends on whether it was ever interrupted. Here last.ckpt is
    written whenever it is asked whether this is the best, at the end of every epoch where validations are counted in
    epochs, and where a training stops.

    A training that goes on in the folder of its checkpoint, wherever that is now, goes on from the best.ckpt that lies
    there; in another folder nothing has been the best yet.

    Raises:
        InputError: settings by which a name would be another model's, or a best.ckpt that was chosen by another number.
    """

    begun = False  # whether there was anything left to train
    seconds = 0.0  # that it took

    @property
    def state_key(self) -> str:
        """The one of Lightning's own: checkpoints of both go on with either."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            InputError.collect(self._ambiguous())
        super().setup(trainer, pl_module, stage)

    def _ambiguous(self) -> list[str]:
        fixed = "{" not in str(self.filename)
        problems = []
        if fixed and self.filename == self.CHECKPOINT_NAME_LAST:
            problems.append("--checkpoint.filename last is the name of the last checkpoint: give the best another")
        if fixed and self.save_top_k not in (0, 1):
            problems.append(
                f"--checkpoint.save_top_k {self.save_top_k} would give several checkpoints the one name "
                f"{self.filename!r}: leave it at 1, or give each its own with --checkpoint.filename 'best-{{epoch}}'"
            )
        if fixed and self._enable_version_counter:
            problems.append(
                f"--checkpoint.enable_version_counter true would write {self.filename}-v1.ckpt beside an older "
                f"{self.filename}.ckpt: leave it at false"
            )
        if self.save_last == "link":
            problems.append("--checkpoint.save_last link would make last.ckpt the best one: give true or false")
        if self.save_on_exception:
            problems.append(
                "--checkpoint.save_on_exception true would save in the middle of a step or a validation, from where "
                "nothing goes on as it was: leave it at false"
            )
        return problems

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take what lies in the folder for what it is, and forget what does not."""
        if trainer.ckpt_path is None:
            return
        found = self._found(Path(trainer.ckpt_path)) if trainer.is_global_zero else {}
        self.best_k_models = trainer.strategy.broadcast(found)
        if not self.best_k_models:
            self.best_model_path, self.best_model_score, self.kth_best_model_path = "", None, ""
            return
        order = sorted(self.best_k_models, key=lambda path: float(self.best_k_models[path]), reverse=self.mode == "max")
        self.best_model_path, self.best_model_score = order[0], self.best_k_models[order[0]]
        if len(order) == self.save_top_k:
            self.kth_best_model_path, self.kth_value = order[-1], self.best_k_models[order[-1]]

    def _found(self, resumed: Path) -> dict[str, Tensor]:
        """The best checkpoints in the folder, if what goes on lies there, too, with their scores."""
        folder = Path(str(self.dirpath))
        if resumed.resolve().parent != folder.resolve():
            return {}
        best = folder / f"{self.filename}{self.FILE_EXTENSION}"
        known = {str(folder / Path(path).name): score for path, score in self.best_k_models.items()}
        if best.is_file():
            known[str(best)] = self._score_of(best)
        return {path: score for path, score in known.items() if Path(path).is_file()}

    def _score_of(self, best: Path) -> Tensor:
        states: dict[str, Any] = read(best).get("callbacks", {})
        others = [state.get("monitor") for key, state in states.items() if key.startswith(ModelCheckpoint.__qualname__)]
        score = states.get(self.state_key, {}).get("best_model_score")
        if not isinstance(score, Tensor) or score.numel() != 1:
            by = f"by {others[0]}" if others else "by another training"
            raise InputError(
                f"{best} was chosen {by}, and not by {self.monitor} ({self.mode}): keep the --checkpoint settings that "
                "it was trained with, or choose another --trainer.default_root_dir"
            )
        return score

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "dirpath": self.dirpath})

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self.begun, self.started = True, time.monotonic()
        self.measured: dict[str, float] = {}  #: what was measured of the best, besides

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        super().on_train_batch_end(trainer, *args)
        loop = trainer.fit_loop.epoch_loop
        if loop.done and not loop.batch_progress.is_last_batch:
            self._save_this(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            return  # stopped in the middle of the epoch, which counts as a whole one from here on
        super().on_train_epoch_end(trainer, pl_module)
        stops = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        stops = stops or trainer.global_step == trainer.max_steps
        if stops or trainer.check_val_every_n_epoch is not None:
            self._save_this(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """It has been saved where it stopped; from here on Lightning counts an epoch more."""
        self.seconds = time.monotonic() - self.started

    def _save_this(self, trainer: Trainer) -> None:
        """As last.ckpt; whether it is the best is still to be asked."""
        saved = self._last_global_step_saved
        if saved == trainer.global_step or getattr(trainer, "fast_dev_run", False):
            return
        self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))
        self._last_global_step_saved = saved

    def _update_best_and_save(self, current: Tensor, trainer: Trainer, monitor_candidates: dict[str, Tensor]) -> None:
        super()._update_best_and_save(current, trainer, monitor_candidates)
        if self.best_model_score is not None and bool(self.best_model_score == current):
            metrics = {k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("val/")}
            self.measured = {k: v for k, v in metrics.items() if k != self.monitor}

    def _save_topk_checkpoint(self, trainer: Trainer, monitor_candidates: dict[str, Tensor]) -> None:
        super()._save_topk_checkpoint(trainer, monitor_candidates)
        self._last_global_step_saved = trainer.global_step  # by which Lightning knows whether last.ckpt is due
