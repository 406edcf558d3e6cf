"""Ranks that wait for each other as long as it takes, and that end together."""

import _thread
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import torch.distributed as dist
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException

from networks.errors import InputError

WATCH = 0.5  # seconds between two looks at whether another rank has failed
BEATS = 10  # looks between two signs of life
SILENCE = 300.0  # seconds without a sign of life after which a rank is taken for dead
GRACE = 10.0  # seconds that rank zero has to close its loggers where another rank has failed

T = TypeVar("T")

_meetings: Counter[tuple[int, str]] = Counter()


class Ranks(Callback):
    """Ends all ranks within seconds where one has failed, and lets them wait for the slowest before they compare notes.

    Left alone, ranks find out in a collective, which gives up after half an hour: too late where a rank has failed,
    and too early where it has only more to search. These here speak through the store of their process group, in
    which waiting has no end. The rank that fails first is the one whose error is shown (``reported_elsewhere``).

    It must be the first of the callbacks; both programs see to that. In one process it does nothing.
    """

    def __init__(self) -> None:
        self.over = threading.Event()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if (store := store_of(trainer)) is not None:
            self.over.clear()
            threading.Thread(target=self._watch, args=(store, trainer.global_rank), daemon=True).start()
            self._check_checkpoint(trainer)

    @staticmethod
    def _check_checkpoint(trainer: Trainer) -> None:
        """All go on from the same one; torchrun counts restarts by node."""
        own = str(trainer.ckpt_path)
        if (first := broadcast(trainer, "checkpoint", own)) != own:
            raise InputError(
                f"rank {trainer.global_rank} would go on from {own}, and rank 0 from {first}: not all nodes were "
                "started again. Start the job again with --ckpt_path last"
            )

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        barrier(trainer, "searched")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Nobody leaves the process group while rank zero still writes its report."""
        barrier(trainer, "done")
        self.over.set()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.over.set()
        heard_by_all = isinstance(exception, (SystemExit, KeyboardInterrupt, SIGTERMException))
        if heard_by_all or (store := store_of(trainer)) is None:
            return
        if trainer.global_rank:
            time.sleep(WATCH)  # where all fail alike, rank zero tells
        exception.__dict__["told_elsewhere"] = store.add("failures", 1) > 1
        store.set("failed", "")
        if not trainer.global_rank:
            time.sleep(2 * WATCH)  # the store goes with this process: let the others look into it

    def _watch(self, store: dist.Store, rank: int) -> None:
        look = 0
        while not self.over.wait(WATCH):
            try:
                if look % BEATS == 0:
                    store.set(f"alive/{rank}", str(look))
                failed = store.check(["failed"])
            except RuntimeError:  # the process that kept the store is gone
                failed = True
            if failed and not self.over.is_set():
                self._end(rank)
            look += 1

    @staticmethod
    def _end(rank: int) -> None:
        """Also out of a collective, which nothing else interrupts. What the others have found is in their journals."""
        if rank == 0:
            _thread.interrupt_main()
            time.sleep(GRACE)
        os._exit(1)


def reported_elsewhere(error: BaseException) -> bool:
    """Whether another rank had failed before this error, and shows its own."""
    return bool(error.__dict__.get("told_elsewhere"))


def store_of(trainer: Trainer) -> dist.Store | None:
    """Where the ranks of a process group leave each other word; ``None`` in one process."""
    if trainer.world_size == 1 or not (dist.is_available() and dist.is_initialized()):
        return None
    return dist.PrefixStore("onmanifold", dist.distributed_c10d._get_default_store())  # there is no public name


def barrier(trainer: Trainer, name: str) -> None:
    """Every rank waits here for all others, however long one of them takes; all must call it, in the same order.

    Raises:
        SystemExit: another rank has failed; it says why.
        ConnectionError: another rank has given no sign of life for five minutes (``Ranks`` gives them).
    """
    if (store := store_of(trainer)) is None:
        return
    _meetings[trainer.global_rank, name] += 1
    meeting = f"{name}/{_meetings[trainer.global_rank, name]}"
    store.set(f"{meeting}/{trainer.global_rank}", "")
    arrived, pause, silence = store.add(meeting, 1), 1e-3, _Silence(trainer.world_size)
    while arrived < trainer.world_size:
        time.sleep(pause)
        pause = min(2 * pause, WATCH)
        try:
            if store.check(["failed"]):
                raise SystemExit(1)
            silence.listen(store, meeting)
            arrived = store.add(meeting, 0)
        except RuntimeError:  # the process that kept the store is gone
            raise SystemExit(1) from None


def rank_zero_first(trainer: Trainer, compute: Callable[[], T]) -> T:
    """What it returns, on every rank: the others call it when rank zero has, and find what that has stored."""
    if trainer.is_global_zero:
        found = compute()
        barrier(trainer, "computed")
        return found
    barrier(trainer, "computed")
    return compute()


def broadcast(trainer: Trainer, name: str, value: str) -> str:
    """Rank zero's ``value`` on every rank; all must call it, in the same order."""
    if (store := store_of(trainer)) is None:
        return value
    if trainer.global_rank == 0:
        store.set(f"told/{name}", value)
    barrier(trainer, f"told/{name}")
    return store.get(f"told/{name}").decode()


class _Silence:
    """Since when each of the ranks that are missing has given no sign of life."""

    def __init__(self, world_size: int) -> None:
        self.world_size, self.next = world_size, time.monotonic()
        self.last: dict[int, tuple[bytes, float]] = {}

    def listen(self, store: dist.Store, meeting: str) -> None:
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + BEATS * WATCH
        for rank in range(self.world_size):
            alive = f"alive/{rank}"
            if store.check([f"{meeting}/{rank}"]) or not store.check([alive]):
                continue
            beat = store.get(alive)
            before, since = self.last.get(rank, (beat, now))
            self.last[rank] = (beat, since if beat == before else now)
            if now - self.last[rank][1] > SILENCE:
                raise ConnectionError(
                    f"rank {rank} has given no sign of life for {SILENCE:.0f} s: its process or its machine is gone. "
                    "The same command continues with what the ranks have found"
                )
