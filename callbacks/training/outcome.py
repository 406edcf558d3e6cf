"""What a training has come to, in a sentence."""

from typing import Literal

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from counterfactuals.memory import most_memory
from counterfactuals.progress import duration
from networks.errors import InputError


def outcome(trainer: Trainer) -> str:
    """What to say of a training that has ended without an error.

    Raises:
        InputError: not one step was taken; says why. Where the folder's own training had been over before, it is said.
    """
    checkpoint = trainer.checkpoint_callback
    if not trainer.global_step:
        raise InputError(f"nothing was trained: {_why_nothing(trainer)}")
    if not isinstance(checkpoint, ModelCheckpoint):
        return "no checkpoint was kept"
    if getattr(checkpoint, "begun", True):
        return _kept(trainer, checkpoint)
    over = f"{trainer.ckpt_path} was at its end: raise --trainer.max_epochs or --trainer.max_steps to go on"
    if not checkpoint.best_model_path:
        raise InputError(f"nothing was trained: {over}")
    return f"{over}\n{_kept(trainer, checkpoint)}"


def trained(trainer: Trainer, module: LightningModule, seconds: float) -> str:
    """What, on what, how long it took, and how much memory."""
    names = [type(child).__name__ for child in module.children() if any(p.requires_grad for p in child.parameters())]
    weights = sum(p.numel() for p in module.parameters() if p.requires_grad)
    data = type(trainer.datamodule).__name__  # type: ignore[attr-defined]  # Lightning attaches it at run time
    what = " and ".join(names[:2])
    early = [
        f"; stopped early: {c.monitor} has not improved in {c.patience} validations"
        for c in trainer.early_stopping_callbacks
        if isinstance(c, EarlyStopping) and c.wait_count >= c.patience
    ]
    taken = ", ".join(f"{size} of {what}" for what, size in most_memory(trainer.strategy.root_device).items())
    return (
        f"trained {what} ({weights:,} weights) on {data}: {trainer.global_step:,} steps, {duration(seconds)}, {taken}"
        + "".join(early[:1])
    )


def _kept(trainer: Trainer, checkpoint: ModelCheckpoint) -> str:
    last = f"; what it came to is {checkpoint.last_model_path}" if checkpoint.last_model_path else ""
    if not checkpoint.best_model_path:
        return f"no best checkpoint: {_why_no_best(trainer, checkpoint)}{last}"
    if checkpoint.monitor is None:
        return f"checkpoint of the last validation, as --checkpoint.monitor is null: {checkpoint.best_model_path}"
    score = checkpoint.best_model_score
    measured = {} if score is None else {checkpoint.monitor: score, **getattr(checkpoint, "measured", {})}
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
    return f"best checkpoint{f' ({numbers})' if numbers else ''}: {checkpoint.best_model_path}"


def check_batches(trainer: Trainer, kind: Literal["val", "test", "predict"]) -> None:
    """Raise ``InputError`` on rank zero where a run over a split has ended without having seen a batch of it."""
    batches = getattr(trainer, f"num_{kind}_batches")
    if trainer.is_global_zero and not any(batches):
        flag = f"limit_{kind}_batches"
        raise InputError(f"no batch was looked at: --trainer.{flag} is {getattr(trainer, flag):g}")


def _why_nothing(trainer: Trainer) -> str:
    for flag, value in (
        ("max_epochs", trainer.max_epochs),
        ("max_steps", trainer.max_steps),
        ("limit_train_batches", trainer.limit_train_batches),
    ):
        if value == 0:
            return f"--trainer.{flag} is 0"
    if trainer.fit_loop.max_batches == 0:
        return "no rank has a whole batch of training samples: lower --data.batch_size, or take fewer devices"
    return "the time was over before the first step: raise --trainer.max_time"


def _why_no_best(trainer: Trainer, checkpoint: ModelCheckpoint) -> str:
    if checkpoint.save_top_k == 0:
        return "--checkpoint.save_top_k is 0"
    if checkpoint.monitor not in trainer.callback_metrics:
        return f"{checkpoint.monitor} was never measured, as {_why_unmeasured(trainer)}"
    return "none was due yet, by --checkpoint.every_n_epochs, every_n_train_steps or train_time_interval"


def _why_unmeasured(trainer: Trainer) -> str:
    if not trainer.limit_val_batches:
        return "--trainer.limit_val_batches is 0"
    every = trainer.check_val_every_n_epoch
    if every is not None and every > 1:
        return f"the training ended before the first validation (--trainer.check_val_every_n_epoch {every})"
    return f"the training ended before the first validation (--trainer.val_check_interval {trainer.val_check_interval})"
