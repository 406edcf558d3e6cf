"""The thin base of every training task."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from pytorch_lightning.utilities.rank_zero import rank_zero_info
from torch import nn
from torch.optim.lr_scheduler import LinearLR, ReduceLROnPlateau

from networks.checks import whole
from networks.errors import InputError

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")  # of the Trainer, that keep weights in float32
PLAIN = (str, int, float, bool, type(None), dict, list, tuple)


class Task(LightningModule):
    """Optimiser and schedule from injected factories; checkpoints that refuse what does not fit.

    Args:
        optimizer: parameters → optimiser.
        scheduler: optimiser → learning-rate schedule, stepped once an epoch; ``None`` for a
            constant rate.
        warmup_steps: optimiser steps in which the rate grows linearly to what the schedule says.

    Randomness in training (noise, dropout) is a function of (seed, epoch, batch, rank): a run that was
    stopped and goes on, with the seed that it began with, repeats what it would have been.
    """

    def __init__(
        self, optimizer: OptimizerCallable, scheduler: LRSchedulerCallable | None, warmup_steps: int = 0
    ) -> None:
        super().__init__()
        InputError.collect(whole(0, warmup_steps=warmup_steps))
        self.optimizer = _Shared(optimizer)
        self.scheduler = None if scheduler is None else _Shared(scheduler)
        self.warmup_steps = warmup_steps
        self._seed: int | None = None

    def save_plain_hyperparameters(self) -> None:
        """Keep what a checkpoint can hold without pickled code.

        Under the command line these are the config's dictionaries, from which the module is built
        again. A module built in Python keeps its plain arguments alone: pass the others to
        ``load_from_checkpoint``.
        """
        for key in [k for k, v in self.hparams.items() if not isinstance(v, PLAIN)]:
            del self.hparams[key]

    def parameter_groups(self) -> Any:
        """What the optimiser is made of: all parameters, or groups of them, whose rate is ``times`` as large."""
        return self.parameters()

    def configure_optimizers(self) -> Any:
        optimizer = self._made("optimizer", self.optimizer, self.parameter_groups())
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * group.pop("times", 1)
        schedules: list[dict[str, Any]] = []
        if self.warmup_steps:
            warmup = LinearLR(optimizer, 1 / (self.warmup_steps + 1), total_iters=self.warmup_steps)
            schedules.append({"scheduler": warmup, "interval": "step"})
        if self.scheduler is not None:
            self._try_schedule()
            schedule = self._made("scheduler", self.scheduler, optimizer)
            schedules.append({"scheduler": schedule, "interval": "epoch"})
        return [optimizer], schedules

    def _try_schedule(self) -> None:
        """A step on a weight of its own: a schedule divides by zero when it steps, not when it is made."""
        weight = nn.Parameter(torch.zeros(1))
        optimizer = self._made("optimizer", self.optimizer, [weight])
        schedule = self._made("scheduler", self.scheduler, optimizer)
        if isinstance(schedule, ReduceLROnPlateau):
            raise InputError(
                "--model.scheduler ReduceLROnPlateau steps by a number that is watched, which no schedule here does: "
                "use one that goes by epochs, such as torch.optim.lr_scheduler.CosineAnnealingLR or StepLR"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that the optimiser has not stepped before
                schedule.step()
        except (ValueError, TypeError, ArithmeticError, IndexError) as error:
            names = [name for name in inspect.signature(type(schedule)).parameters if name in vars(schedule)]
            given = ", ".join(f"{name}={vars(schedule)[name]}" for name in names if name != "optimizer")
            raise InputError(
                f"--model.scheduler: {type(schedule).__name__} with {given} cannot take a step: {error}"
            ) from error

    @staticmethod
    def _made(name: str, factory: Any, *args: Any) -> Any:
        """What the factory makes; a number that it cannot use is told with the argument's name."""
        try:
            return factory(*args)
        except (ValueError, TypeError, ZeroDivisionError, OverflowError) as error:
            raise InputError(f"--model.{name} cannot be made of its arguments: {error}") from error

    def on_fit_start(self) -> None:
        if self._seed is None or self.trainer.ckpt_path is None:
            self._seed = torch.initial_seed()
        elif self._seed != torch.initial_seed():
            rank_zero_info(f"Goes on with the seed that it began with, {self._seed}")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self._seed is not None:
            checkpoint["seed"] = self._seed

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        # Not once an epoch: the loader draws a number, before or after that hook.
        torch.manual_seed(self.batch_seed(batch_idx))

    def batch_seed(self, batch_idx: int) -> int:
        """Of what is drawn for a training batch of this epoch, on this rank."""
        return hash((self._seed, self.current_epoch, batch_idx, self.global_rank))  # hashes of integers are fixed

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._seed = checkpoint.get("seed")
        problems = state_dict_problems(self, checkpoint["state_dict"])
        if problems:
            raise InputError(
                f"the checkpoint does not fit this {type(self).__name__}; it was trained with another architecture: "
                + "; ".join(problems[:3])
                + (f"; and {len(problems) - 3} more" if len(problems) > 3 else "")
            )

    def setup(self, stage: str) -> None:
        if self.trainer.precision not in PRECISIONS:
            raise InputError(
                f"--trainer.precision {self.trainer.precision} would not keep the weights in float32, in which flows "
                "are inverted, weights averaged and checkpoints explained: use bf16-mixed, 16-mixed or 32-true"
            )
        if (datamodule := getattr(self.trainer, "datamodule", None)) is not None:
            InputError.collect(self.problems_with(datamodule))

    def problems_with(self, datamodule: Any) -> list[str]:
        """What keeps this task from working on the data module, one sentence each."""
        raise NotImplementedError


class _Shared:
    """A factory that a copy of the module (EMA's) shares with it.

    The command line's factories hold the command line, and with it loggers and their locks, which
    cannot be copied.
    """

    def __init__(self, factory: Callable[..., Any]) -> None:
        self.factory = factory

    def __call__(self, *args: Any) -> Any:
        return self.factory(*args)

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Shared":
        return self


def state_dict_problems(module: nn.Module, state_dict: dict[str, Any]) -> list[str]:
    """Differences between a module's state and a saved one, in words."""
    own = module.state_dict()
    return [
        *(f"no weights for {k}" for k in own.keys() - state_dict.keys()),
        *(f"unknown weights {k}" for k in state_dict.keys() - own.keys()),
        *(
            f"{k} is {tuple(state_dict[k].shape)} in the checkpoint and {tuple(own[k].shape)} here"
            for k in own.keys() & state_dict.keys()
            if own[k].shape != state_dict[k].shape
        ),
    ]


def shape_problem(name: str, shape: Any, datamodule: Any) -> list[str]:
    """The sentence on a network made for samples of another shape, where it says its shape."""
    if shape is None or tuple(shape) == tuple(datamodule.shape):
        return []
    own, given = tuple(shape), tuple(datamodule.shape)
    advice = "change the size and channels of the one or the other"
    if len(own) == len(given) == 3 and own[1:] == given[1:] and {own[0], given[0]} == {1, 3}:
        advice = f"read the images as it does, --data.grey {str(own[0] == 1).lower()}"
    return [f"{name} was made for samples of shape {own}, but {type(datamodule).__name__} gives {given}: {advice}"]
