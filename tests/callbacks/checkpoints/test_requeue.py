import os
import signal
from types import SimpleNamespace
from typing import Any

from pytorch_lightning.trainer.connectors.signal_connector import _HandlersCompose

from callbacks import Requeue


def test_slurms_signal_is_answered_at_the_end_of_the_batch_on_all_ranks() -> None:
    answered: list[int] = []
    decided: list[bool] = []

    def decide(own: bool, all: bool) -> bool:
        decided.append(own)
        return own or len(decided) == 3  # another rank has heard it then

    trainer: Any = SimpleNamespace(strategy=SimpleNamespace(reduce_boolean_decision=decide))
    before = signal.signal(signal.SIGUSR1, _HandlersCompose([lambda number, frame: answered.append(number)]))
    try:
        requeue = Requeue()
        requeue.on_train_start(trainer, None)  # type: ignore[arg-type]
        requeue.on_train_batch_end(trainer)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert answered == [], "in the middle of a batch"
        requeue.on_train_batch_end(trainer)
        assert answered == [signal.SIGUSR1]
        requeue.on_train_batch_end(trainer)
        assert answered == [signal.SIGUSR1] * 2 and decided == [False, True, False]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_without_slurm_nobody_is_asked() -> None:
    requeue = Requeue()
    requeue.on_train_start(SimpleNamespace(), None)  # type: ignore[arg-type]
    requeue.on_train_batch_end(SimpleNamespace())  # type: ignore[arg-type]
