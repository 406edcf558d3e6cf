"""Continuous batching: many searches through few slots."""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from counterfactuals.charts.chart import Chart
from counterfactuals.goals.objectives import Objective
from counterfactuals.result import Counterfactuals
from counterfactuals.rows import join, take

MOST_SLOTS = 4096
PATIENCE = 2.0  # seconds that what has ended waits for others that end
WORTH = 1.1  # more slots must bring so much more speed
#: of errors that have no type of their own
NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED", "ALLOCATION_FAILED")


class Problem(NamedTuple):
    """What all searches of a run have in common."""

    predictor: nn.Module
    chart: Chart
    objective: Objective
    levels: int | None = None  # grey values that x′ is rounded to, as in a file, before the predictor sees it

    def of(self, rows: Tensor) -> "Problem":
        """The problem of some of the searches (n int64), where the objective tells them apart."""
        return self._replace(objective=self.objective.of(rows)) if isinstance(self.objective, PerSearch) else self


class Stepped(NamedTuple):
    """The state of n searches, and which of them have ended (n bool)."""

    state: Any
    done: Tensor


class Method(Protocol):
    """A search, written for n rows at once that know nothing of each other.

    Its state is a NamedTuple (nested, if need be) of tensors with the rows first, so that the engine
    can take rows out and put others in. ``step`` must not change the state that it is given.
    """

    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        """Searches from x (n×``shape``) to ``target`` (n); some may end before their first step."""
        ...

    def step(self, problem: Problem, state: Any) -> Stepped:
        """One step of every row."""
        ...

    def result(self, problem: Problem, state: Any) -> Counterfactuals:
        """What rows that have ended come to; a row may come to several counterfactuals, all rows to as many."""
        ...


@runtime_checkable
class LearnsFromSamples(Protocol):
    """A method that learns from samples before its first search."""

    def prepare(self, problem: Problem, x: Tensor) -> None:
        """Look at samples of the training split, M×``shape``."""
        ...


def learn_by(method: Any, part: Any) -> None:
    """Make a method one that ``LearnsFromSamples`` where a part of it is; otherwise nobody need read any."""
    if isinstance(part, LearnsFromSamples):
        method.prepare = part.prepare


@runtime_checkable
class DependsOnOriginal(Protocol):
    """An objective that depends on what the predictor says of the original."""

    def aim(self, target: Tensor, logits: Tensor) -> Any:
        """What loss and score are given as their target, from targets (n) and the originals' logits.

        A tensor with the rows first, or a NamedTuple of such.
        """
        ...


@runtime_checkable
class ComparesWithReal(Protocol):
    """An objective that is told what the predictor says of real samples, before the first search."""

    def prepare(self, predictor: nn.Module, x: Tensor) -> None:
        """Look at samples of the training split, M×``shape``."""
        ...


@runtime_checkable
class PerSearch(Protocol):
    """An objective that asks something else of every search of a batch; what it asks is then in the aim."""

    def of(self, rows: Tensor) -> Objective:
        """That of the given searches (n int64), in that order."""
        ...


@runtime_checkable
class RequiresChart(Protocol):
    """A method that is not for every chart."""

    def check(self, chart: Chart) -> None:
        """Raise ``InputError`` where it cannot search in these coordinates."""
        ...


class Finished(NamedTuple):
    """Rows that have ended: their places in the batch (n int64, repeated for several each) and what they came to."""

    rows: Tensor
    counterfactuals: Counterfactuals


def run(method: Method, problem: Problem, x: Tensor, target: Tensor, slots: int | None = None) -> Iterator[Finished]:
    """All searches from x (N×``shape``) to ``target`` (N), as they end.

    At most ``slots`` searches are under way. One that ends hands its slot to the next at once, so
    every decode is on an unfinished search; what starts is prepared ``slots`` rows at a time. Where
    memory does not suffice the slots are halved, down to one.

    Args:
        slots: rows in one step; ``None`` for as many as pay (see ``find_slots``).
    """
    engine = _Engine(method, problem, x, target, slots or find_slots(method, problem, x, target))
    while engine.more():
        engine.step()
        yield from engine.pop_finished()


def gathered(ended: Iterator[Finished], rows: int, hurry: Callable[[], bool] = lambda: False) -> Iterator[Finished]:
    """The same, so many rows at a time: what looks at them costs as much for one row as for dozens.

    None waits longer than ``PATIENCE`` seconds for others once the next has ended, nor where there is a ``hurry``.
    """
    held: list[Finished] = []
    since = 0.0
    for finished in ended:
        since = since if held else monotonic()
        held.append(finished)
        if sum(len(f.rows) for f in held) >= rows or monotonic() - since >= PATIENCE or hurry():
            yield _together(held)
            held = []
    if held:
        yield _together(held)


def _together(parts: list[Finished]) -> Finished:
    return Finished(torch.cat([p.rows for p in parts]), Counterfactuals.join([p.counterfactuals for p in parts]))


_Searches = tuple[Any, Tensor]  # state, and places in the batch


class _Engine:
    def __init__(self, method: Method, problem: Problem, x: Tensor, target: Tensor, slots: int) -> None:
        self.method, self.problem, self.x, self.target, self.slots = method, problem, x, target, slots
        self.next = 0  # first row that has not been started
        self.waiting: _Searches = (None, torch.arange(0, device=x.device))
        self.active: _Searches = self.waiting
        self.finished: list[Finished] = []

    def more(self) -> bool:
        return self.next < len(self.x) or len(self.waiting[1]) > 0 or len(self.active[1]) > 0

    def pop_finished(self) -> list[Finished]:
        finished, self.finished = self.finished, []
        return finished

    def step(self) -> None:
        try:
            self._fill()
            if len(self.active[1]):
                state, done = self.method.step(self.problem, self.active[0])
                self.active = self._unfinished((state, self.active[1]), done)
            return
        except RuntimeError as error:
            if self.slots == 1 or not out_of_memory(error):
                raise
        self._halve()

    def _fill(self) -> None:
        """Give every free slot a search, and start new ones where none wait."""
        while len(self.active[1]) < self.slots:
            if not len(self.waiting[1]):
                if self.next == len(self.x):
                    return
                self._prepare()
            free = self.slots - len(self.active[1])
            self.active = _join(self.active, _take(self.waiting, slice(0, free)))
            self.waiting = _take(self.waiting, slice(free, None))

    def _prepare(self) -> None:
        rows = torch.arange(self.next, min(self.next + self.slots, len(self.x)), device=self.x.device)
        state, done = self.method.start(self.problem.of(rows), self.x[rows], self.target[rows])
        self.next += len(rows)
        self.waiting = self._unfinished((state, rows), done)

    def _unfinished(self, searches: _Searches, done: Tensor) -> _Searches:
        """The searches that go on, after putting aside the results of those that have ended."""
        if not done.any():
            return searches
        state, rows = _take(searches, done)
        counterfactuals = self.method.result(self.problem, state)
        self.finished.append(Finished(rows.repeat_interleave(len(counterfactuals) // len(rows)), counterfactuals))
        return _take(searches, ~done)

    def _halve(self) -> None:
        self.slots //= 2
        warnings.warn(f"out of memory: going on with {self.slots} slots instead of {2 * self.slots}", stacklevel=2)
        self.waiting = _join(_take(self.active, slice(self.slots, None)), self.waiting)
        self.active = _take(self.active, slice(0, self.slots))
        if self.x.is_cuda:
            torch.cuda.empty_cache()


def _take(searches: _Searches, index: Any) -> _Searches:
    state, rows = searches
    return (None if state is None else take(state, index)), rows[index]


def _join(searches: _Searches, others: _Searches) -> _Searches:
    filled = [s for s in (searches, others) if len(s[1])]
    if not filled:
        return searches
    return join([state for state, _ in filled]), torch.cat([rows for _, rows in filled])


def out_of_memory(error: RuntimeError) -> bool:
    """Whether a device, a library on it, or the CPU's allocator ran out of memory."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in NO_MEMORY)


def lost_device(error: RuntimeError) -> bool:
    """Whether the device itself has failed: nothing runs on it any more."""
    return isinstance(error, getattr(torch, "AcceleratorError", ())) or "CUDA error" in str(error)


def find_slots(
    method: Method,
    problem: Problem,
    x: Tensor,
    target: Tensor,
    over: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> int:
    """Doubles the slots as long as they fit and a step of twice the rows is worth it.

    The first rows are searched for a step each, and the outcome is thrown away.

    Args:
        over: goes through the numbers that are tried, and may show how far that is.

    Returns:
        a power of two times 8, at most the number of rows.
    """
    best, rate, most = min(8, len(x)), 0.0, min(len(x), MOST_SLOTS)
    doubled = [best * 2**i for i in range(most.bit_length()) if best * 2**i <= most]
    for slots in over(doubled):
        try:
            now = _rate(method, problem, x[:slots], target[:slots])
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            break
        if now < WORTH * rate:
            break
        best, rate = slots, now
    return best


def _rate(method: Method, problem: Problem, x: Tensor, target: Tensor) -> float:
    """Rows a second of one step, after one to warm up."""
    state, _ = method.start(problem.of(torch.arange(len(x), device=x.device)), x, target)
    state, _ = method.step(problem, state)
    _synchronize(x)
    start = time.perf_counter()
    method.step(problem, state)
    _synchronize(x)
    return len(x) / (time.perf_counter() - start)


def _synchronize(x: Tensor) -> None:
    if x.is_cuda:
        torch.cuda.synchronize(x.device)
