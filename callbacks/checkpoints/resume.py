"""What a training takes over from the checkpoint that it goes on from, and nothing else of it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.utilities.rank_zero import rank_zero_info
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler

from callbacks.checkpoints.changed_settings import SETTINGS, ChangedSettings
from callbacks.checkpoints.epoch_position import resume_position
from datamodules import DataModule
from networks.errors import InputError

#: entries of a checkpoint that are read; Lightning also knows those of its older versions
NUMBERS = ("epoch", "global_step", "seed")
WEIGHTS = ("state_dict", "current_model_state", "averaging_state")  # the last two are EMA's
WORDS = ("class_names", "conditioned_on")  # of our tasks
PARTS = {"loops": dict, "callbacks": dict, "optimizer_states": list, "lr_schedulers": list, "MixedPrecision": dict}
#: callbacks whose state is taken over; ModelCheckpoint's names files, which it deletes
STATEFUL = ("EMA", "EarlyStopping", "ModelCheckpoint")


def resumable(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """What of a checkpoint may be restored: weights, loops, optimisers, schedules, and the known callbacks' states.

    Raises:
        InputError: a part is not of its kind, or a callback's state names files outside of its own folder.
    """
    kept = {name: checkpoint[name] for name in (*NUMBERS, *WEIGHTS, *WORDS, *PARTS) if name in checkpoint}
    kinds = {**dict.fromkeys(NUMBERS, int), **dict.fromkeys(WEIGHTS, dict), **PARTS}
    for name, kind in kinds.items():
        if name in kept and not isinstance(kept[name], kind):
            raise InputError(f"its {name} is a {type(kept[name]).__name__}, and not a {kind.__name__}")
    for name in PARTS:
        check_numbers(kept.get(name), name)
    if "callbacks" in kept:
        kept["callbacks"] = {key: state for key, state in kept["callbacks"].items() if _class(key) in STATEFUL}
        for key, state in kept["callbacks"].items():
            _check_state(_class(key), state)
    hparams = checkpoint.get("hyper_parameters", {})
    kept["settings"] = {name: hparams[name] for name in SETTINGS if name in hparams}
    # Its own version is taken for granted: what Lightning does to checkpoints of older ones moves entries about.
    return {**kept, "pytorch-lightning_version": pytorch_lightning.__version__}


def _class(key: Any) -> str:
    """Of a callback's state, which has its class and settings for a name."""
    return str(key).partition("{")[0]


def check_numbers(value: Any, where: str) -> None:
    """Raise ``InputError`` unless it is of tensors and plain values in lists and dictionaries, not too deep."""
    if where.count(".") > 20:
        raise InputError(f"{where.partition('.')[0]} is nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            check_numbers(item, f"{where}.{str(key)[:50]}")
    elif isinstance(value, (list, tuple)):
        for item in value:
            check_numbers(item, f"{where}.")
    elif not isinstance(value, (str, int, float, bool, type(None), Tensor)):
        raise InputError(f"its {where} holds a {type(value).__name__}")


def _check_state(name: str, state: Any) -> None:
    if not isinstance(state, dict):
        raise InputError(f"the state of {name} is a {type(state).__name__}")
    if name == "ModelCheckpoint" and (outside := list(_outside(state))):
        raise InputError(
            f"the state of its ModelCheckpoint names {outside[0]!r:.200}, which is no checkpoint in a folder of its "
            "own, and might be deleted"
        )


def _outside(state: Mapping[str, Any]) -> Iterator[Any]:
    """Files in a ModelCheckpoint's state that do not lie in the folder that it names, or are no checkpoints."""
    folder, models = state.get("dirpath"), state.get("best_k_models", {})
    if not isinstance(folder, str) or not isinstance(models, dict):
        yield folder
        return
    for name in (*(state.get(f"{which}_model_path", "") for which in ("best", "kth_best", "last")), *models):
        if name != "" and not _inside(name, Path(folder)):
            yield name


def _inside(name: Any, folder: Path) -> bool:
    if not isinstance(name, str) or not name.endswith(".ckpt") or ".." in Path(name).parts:
        return False
    return Path(name).is_absolute() and folder.resolve() in Path(name).resolve().parents and not Path(name).is_dir()


class Resume(Callback):
    """Compares what is to be restored with what there is, before it is.

    Lightning puts a checkpoint's values into loops, optimisers and schedules as they are, and a wrong one ends the
    training later, where nobody would look for its cause.
    """

    def __init__(self) -> None:
        self.checkpoint: dict[str, Any] = {}
        self.changed: ChangedSettings | None = None
        self.buffers: dict[str, Tensor] = {}
        self.again = 0

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self.checkpoint = checkpoint
        states = checkpoint.get("callbacks", {})
        for stopping in _stoppings(trainer):  # Lightning's would go on with the patience that it had before
            if stopping.state_key in states:
                states[stopping.state_key]["patience"] = stopping.patience

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        checkpoint, self.checkpoint = self.checkpoint, {}
        if not checkpoint:
            return
        try:
            if "optimizer_states" not in checkpoint or "lr_schedulers" not in checkpoint:
                raise InputError("it holds weights alone, and not the state of a training (save_weights_only)")
            check_like(checkpoint.get("loops", {}).get("fit_loop", {}), trainer.fit_loop.state_dict(), "loops")
            self.changed = ChangedSettings(checkpoint.get("settings", {}), trainer, pl_module)
            for given, own in zip(checkpoint.get("optimizer_states", []), trainer.optimizers, strict=False):
                check_optimizer(given, own)
            for given, config in zip(checkpoint.get("lr_schedulers", []), trainer.lr_scheduler_configs, strict=False):
                check_schedule(given, config.scheduler)
            check_epochs(checkpoint, trainer)
            self._take_place(trainer, checkpoint)
        except InputError as error:
            raise InputError(f"checkpoint {str(trainer.ckpt_path)!r} cannot be restored: {error}") from error

    def _take_place(self, trainer: Trainer, checkpoint: dict[str, Any]) -> None:
        fit_loop, data = checkpoint.get("loops", {}).get("fit_loop"), getattr(trainer, "datamodule", None)
        if fit_loop is None or not isinstance(data, DataModule):
            return
        data.order_seed = checkpoint.get("seed")
        place = resume_position(fit_loop, data.train_dataloader().state_dict(), trainer.accumulate_grad_batches)
        self.again = place.again
        for sentence in place.sentences:
            rank_zero_info(sentence)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.buffers = {name: b.clone() for name, b in pl_module.named_buffers()} if self.again else {}
        if self.changed is not None:
            self.changed.apply(trainer)
            for _, told in self.changed.changes:
                rank_zero_info(f"{told}: it counts from here on")
            self.changed = None
        if trainer.ckpt_path is not None and any(s.wait_count >= s.patience for s in _stoppings(trainer)):
            rank_zero_info("EarlyStopping had ended this training: a larger patience lets it go on")
            trainer.should_stop = True

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Batches that are taken again do not count twice for running means and variances."""
        self.again -= 1
        if self.again == 0:
            for name, buffer in pl_module.named_buffers():
                buffer.copy_(self.buffers[name])


def _stoppings(trainer: Trainer) -> list[EarlyStopping]:
    return [callback for callback in getattr(trainer, "callbacks", []) if isinstance(callback, EarlyStopping)]


def check_epochs(checkpoint: Mapping[str, Any], trainer: Trainer) -> None:
    """Raise ``InputError`` where there have been more epochs than there are to be."""
    epochs = checkpoint.get("loops", {}).get("fit_loop", {}).get("epoch_progress", {}).get("current", {})
    had = epochs.get("processed", 0)
    if trainer.max_epochs not in (None, -1) and had > trainer.max_epochs:
        raise InputError(f"it has had {had} epochs, and --trainer.max_epochs is {trainer.max_epochs}: raise it")


def check_like(given: Any, own: Any, where: str) -> None:
    """Raise ``InputError`` where a value is of another kind than that which it will replace; numbers are of one."""
    if isinstance(own, dict) and isinstance(given, dict):
        for key in given.keys() & own.keys():
            check_like(given[key], own[key], f"{where}.{key}")
    elif isinstance(own, (list, tuple)) and isinstance(given, (list, tuple)):
        if own and all(isinstance(v, (int, float)) for v in own) and len(given) != len(own):
            raise InputError(f"{where} has {len(given)} numbers, and needs {len(own)}")
        for a, b in zip(given, own, strict=False):
            check_like(a, b, where)
    elif _kind(given) != _kind(own) and own is not None and given is not None:
        raise InputError(f"{where} is {given!r:.60}, and {own!r:.60} is what it would replace")


def _kind(value: Any) -> str:
    return "number" if isinstance(value, (bool, int, float)) or _is_one(value) else type(value).__name__


def _is_one(value: Any) -> bool:
    return isinstance(value, Tensor) and value.numel() == 1


def check_optimizer(given: Any, own: torch.optim.Optimizer) -> None:
    """Groups of the same kind, and moments of the weights' own shapes."""
    if not isinstance(given, dict) or not isinstance(given.get("state"), dict):
        raise InputError("optimizer_states are not what an optimiser saves")
    groups = given.get("param_groups")
    if not isinstance(groups, list) or not all(isinstance(g, dict) for g in groups):
        raise InputError("optimizer_states have no param_groups")
    state = own.state_dict()
    check_like(groups, state["param_groups"], "optimizer_states.param_groups")
    weights = [p for group in own.param_groups for p in group["params"]]
    states = [moments for moments in given["state"].values() if isinstance(moments, dict)]
    names = {name for moments in states for name in moments}
    shaped = {name for m in states for name, value in m.items() if isinstance(value, Tensor) and value.numel() > 1}
    for i, moments in given["state"].items():
        if not isinstance(i, int) or not 0 <= i < len(weights) or not isinstance(moments, dict):
            raise InputError(f"optimizer_states belong to a weight {i!r:.60} that there is not")
        if lacking := names - moments.keys():
            raise InputError(f"optimizer_states of weight {i} lack {lacking.pop()!r:.60}, which others have")
        for name, value in moments.items():
            _check_moment(f"optimizer_states.{name} of weight {i}", value, weights[i] if name in shaped else None)


def _check_moment(what: str, value: Any, weight: Tensor | None) -> None:
    """A number, or a tensor of its weight's shape where other weights have one."""
    if isinstance(value, (str, dict)):
        raise InputError(f"{what} is {value!r:.60}")
    if weight is not None and (not isinstance(value, Tensor) or value.shape != weight.shape):
        shape = tuple(value.shape) if isinstance(value, Tensor) else repr(value)[:60]
        raise InputError(f"{what} is {shape}, and the weight {tuple(weight.shape)}")


def check_schedule(given: Any, own: LRScheduler) -> None:
    """Values of the same kind, and none in a method's place: ``load_state_dict`` sets attributes."""
    if not isinstance(given, dict):
        raise InputError("lr_schedulers are not what a schedule saves")
    foreign = [k for k in given if not isinstance(k, str) or k == "optimizer" or callable(getattr(own, k, None))]
    if foreign:
        raise InputError(f"lr_schedulers have {foreign[0]!r:.60}, which is no part of a schedule's state")
    check_like(given, own.state_dict(), "lr_schedulers")
