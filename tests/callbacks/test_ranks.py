"""Waiting without a clock, and ending together. Ranks are threads here; tests/programs/test_ranks.py has real ones."""

import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch.distributed as dist

from callbacks import ranks
from callbacks.ranks import Ranks, barrier, reported_elsewhere, store_of
from networks.errors import InputError


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One store for all, and short waits; what would end the process is noted instead."""
    store, ended = dist.HashStore(), []
    monkeypatch.setattr(ranks, "store_of", lambda trainer: store if trainer.world_size > 1 else None)
    monkeypatch.setattr(ranks, "_meetings", Counter())
    monkeypatch.setattr(ranks, "WATCH", 0.02)
    monkeypatch.setattr(ranks, "GRACE", 0.0)
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(ranks._thread, "interrupt_main", lambda: ended.append(-1))
    return ended


def trainer(rank: int = 0, world_size: int = 3) -> SimpleNamespace:
    return SimpleNamespace(global_rank=rank, world_size=world_size, ckpt_path=None)


def everywhere(work: Callable[[SimpleNamespace], object], world_size: int = 3) -> list[object]:
    """What each rank returns or raises."""

    def safely(rank: int) -> object:
        try:
            return work(trainer(rank, world_size))
        except (Exception, SystemExit) as error:
            return error

    with ThreadPoolExecutor(world_size) as pool:
        return list(pool.map(safely, range(world_size)))


def test_one_process_waits_for_nobody() -> None:
    alone, error, callback = trainer(0, 1), ValueError(), Ranks()
    assert store_of(alone) is None
    barrier(alone, "alone")
    callback.setup(alone, None, "fit")
    callback.on_exception(alone, None, error)
    callback.teardown(alone, None, "fit")
    assert not reported_elsewhere(error)


def test_nobody_goes_on_before_the_last_has_come() -> None:
    """The same name again is another meeting."""

    def work(me: SimpleNamespace) -> list[float]:
        left = []
        for slow in range(2):
            if me.global_rank == slow:
                time.sleep(0.4)
            start = time.monotonic()
            barrier(me, "late")
            left.append((start, time.monotonic()))
        return left

    first, second = zip(*everywhere(work), strict=True)
    for meeting in (first, second):
        assert min(end for _, end in meeting) >= max(start for start, _ in meeting)


def test_one_that_fails_ends_the_others(quick: list[int]) -> None:
    def work(me: SimpleNamespace) -> object:
        callback, error = Ranks(), RuntimeError("broken")
        callback.setup(me, None, "predict")
        if me.global_rank == 1:  # waits for the others
            try:
                barrier(me, "never")
            finally:
                callback.over.set()
        if me.global_rank == 2:  # hangs in a collective, say: nothing but its watch can end it
            time.sleep(0.5)
            callback.over.set()
            return None
        time.sleep(0.2)
        callback.on_exception(me, None, error)
        return reported_elsewhere(error)

    broadcast, ended, _ = everywhere(work)
    assert broadcast is False and isinstance(ended, SystemExit) and ended.code == 1
    assert quick and set(quick) == {1}, "what waits and what hangs, and not the one that failed"


def test_rank_zero_is_interrupted_before_it_is_ended(quick: list[int]) -> None:
    """So that it closes its loggers and says how to go on."""

    def work(me: SimpleNamespace) -> None:
        callback = Ranks()
        callback.setup(me, None, "predict")
        if me.global_rank:
            time.sleep(0.2)
            callback.on_exception(me, None, RuntimeError("broken"))
        else:
            time.sleep(0.6)
            callback.over.set()

    everywhere(work, 2)
    assert quick[:2] == [-1, 1]


def test_where_all_fail_alike_rank_zero_tells() -> None:
    def work(me: SimpleNamespace) -> bool:
        error = ValueError("the same on all ranks")
        Ranks().on_exception(me, None, error)
        return reported_elsewhere(error)

    assert everywhere(work) == [False, True, True]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_what_all_ranks_hear_of_is_not_passed_on(error: BaseException) -> None:
    Ranks().on_exception(trainer(), None, error)
    assert not ranks.store_of(trainer()).check(["failed"]) and not reported_elsewhere(error)


def test_one_that_gives_no_sign_of_life_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "SILENCE", 0.3)
    monkeypatch.setattr(ranks, "BEATS", 1)

    def work(me: SimpleNamespace) -> None:
        callback = Ranks()
        callback.setup(me, None, "predict")
        time.sleep(0.2)
        try:
            if me.global_rank != 2:
                barrier(me, "dead")
        finally:
            callback.over.set()  # rank 2: its machine is gone, without an error

    first, second, _ = everywhere(work)
    for error in (first, second):
        assert isinstance(error, ConnectionError) and "rank 2 has given no sign of life for 0 s" in str(error)


def test_a_rank_that_only_takes_long_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "SILENCE", 0.2)
    monkeypatch.setattr(ranks, "BEATS", 1)

    def work(me: SimpleNamespace) -> str:
        callback = Ranks()
        callback.setup(me, None, "predict")
        time.sleep(1.0 if me.global_rank == 2 else 0.0)
        callback.teardown(me, None, "predict")
        return "met"

    assert everywhere(work) == ["met"] * 3


def test_the_store_goes_with_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(dist.HashStore):
        def check(self, keys: list[str]) -> bool:
            raise dist.DistNetworkError("Connection reset by peer")

    store = Gone()
    monkeypatch.setattr(ranks, "store_of", lambda trainer: store)
    with pytest.raises(SystemExit):
        barrier(trainer(), "gone")


def test_ranks_that_would_go_on_from_different_checkpoints_do_not() -> None:
    """One node of several was started again."""

    def work(me: SimpleNamespace) -> None:
        callback = Ranks()
        me.ckpt_path = "last.ckpt" if me.global_rank == 2 else None
        try:
            callback.setup(me, None, "fit")
        finally:
            callback.over.set()

    first, second, third = everywhere(work)
    assert first is second is None
    assert isinstance(third, InputError) and "rank 2 would go on from last.ckpt, and rank 0 from None" in str(third)
