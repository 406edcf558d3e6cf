"""A training that goes on with another learning rate, weight decay, schedule or warm-up than it had before."""

import copy
import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from torch.optim.lr_scheduler import LinearLR

from networks.errors import InputError

SETTINGS = ("optimizer", "scheduler", "warmup_steps")


class ChangedSettings:
    """What the optimiser and its schedules are set to now, where that is not what a checkpoint was trained with.

    Lightning restores the old values. With ``apply`` the new ones count, as if the schedules had been these from the
    first step on; moments stay as they are.

    Args:
        before: of a checkpoint's hyper-parameters the ``SETTINGS``.

    Raises:
        InputError: another class, whose state is not this one's.
    """

    def __init__(self, before: Mapping[str, Any], trainer: Trainer, pl_module: LightningModule) -> None:
        now = {name: _plain(pl_module.hparams[name]) for name in SETTINGS if name in pl_module.hparams}
        self.changes = [c for name in now if name in before for c in _changes(_plain(before[name]), now[name], name)]
        InputError.collect([f"{told}: {REFUSED}" for name, told in self.changes if name in KINDS])
        self.groups = [
            {k: v for k, v in g.items() if k != "params"} for o in trainer.optimizers for g in o.param_groups
        ]
        self.schedules = [copy.deepcopy(c.scheduler.state_dict()) for c in trainer.lr_scheduler_configs]

    def apply(self, trainer: Trainer) -> None:
        """Once the checkpoint's own values have been restored."""
        if not self.changes:
            return
        groups = (group for optimizer in trainer.optimizers for group in optimizer.param_groups)
        for group, own in zip(groups, self.groups, strict=True):
            group.update(own)
        for config, own in zip(trainer.lr_scheduler_configs, self.schedules, strict=True):
            steps = config.scheduler.last_epoch
            config.scheduler.load_state_dict(own)
            _replay(config.scheduler, steps)


KINDS = ("optimizer", "optimizer.class_path", "scheduler", "scheduler.class_path")
REFUSED = "a training goes on with the optimiser and schedule that it began with; their numbers may change"


def _replay(schedule: Any, steps: int) -> None:
    constant = steps - schedule.total_iters - 1 if isinstance(schedule, LinearLR) else 0  # a warm-up that is over
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the optimiser has not stepped in between
            for _ in range(steps - max(constant, 0)):
                schedule.step()
        schedule.last_epoch = steps
    except (ValueError, ArithmeticError, IndexError) as error:
        raise InputError(f"--model.scheduler cannot have taken {steps} steps with these numbers: {error}") from error


def _plain(value: Any) -> Any:
    """As it is read from a checkpoint or a config."""
    return json.loads(json.dumps(value, default=str))


def _changes(before: Any, now: Any, key: str) -> Iterator[tuple[str, str]]:
    """Keys below which a value differs, and the difference in words."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in before.keys() & now.keys():
            yield from _changes(before[name], now[name], f"{key}.{name}")
    elif before != now:
        was, flag = (v.get("class_path", v) if isinstance(v, dict) else v for v in (before, now))
        yield key, f"--model.{key} is {flag}, and was {was} in the checkpoint"
