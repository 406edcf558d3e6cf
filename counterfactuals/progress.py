"""How far something long is: a bar where somebody watches, a line now and then where a log is written."""

import sys
import threading
from collections.abc import Iterator, Sequence
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar

from tqdm.auto import tqdm

from counterfactuals.result import Counterfactuals

SOON = 10.0  # seconds between two lines at least; what ends sooner has none
LATE = 60.0  # seconds after which there is a line, however little has been done
TENTHS = 10  # lines on the way otherwise

T = TypeVar("T")


class Progress:
    """To be used in a ``with``; what takes less than a second shows nothing, and in a log less than ten.

    On a terminal and in a notebook it is one bar that goes away when it is done, unless it is to ``stay``. Elsewhere
    (``nohup``, SLURM, CI) it is a line every tenth of the way, though none within ten seconds of another and one a
    minute at least, even where nothing ends so soon: hundreds of redrawn bars make a log unreadable, and silence looks
    like a crash.

    Args:
        what: is being done.
        total: how much of it there is; ``None`` where nobody knows.
        shown: nothing at all otherwise, as on ranks other than zero.
        stay: whether the end is shown, too.
        done: how much had been done before.
    """

    def __init__(self, what: str, total: int | None, shown: bool = True, stay: bool = False, done: int = 0) -> None:
        self.what, self.total, self.stay, self.done, self.before = what, total, stay, done, done
        self.begun = self.said = monotonic()
        self.tenth = 0
        self.lines = shown and not watched()
        self.over = threading.Event()
        if self.lines:
            threading.Thread(target=self._beat, daemon=True).start()
        self.bar: Any = tqdm(
            desc=what,
            total=total,
            initial=done,
            disable=not shown or self.lines,
            leave=stay,
            delay=0 if stay else 1,
            dynamic_ncols=True,
            smoothing=0.05,
        )

    def advance(self, n: int = 1, note: str = "") -> None:
        """So much more is done; ``note`` says how it goes."""
        self.done += n
        self.bar.set_postfix_str(note, refresh=False)
        self.bar.update(n)
        if self.lines:
            self._line(note)

    def _line(self, note: str) -> None:
        now, tenth = monotonic(), TENTHS * self.done // max(1, self.total or 0) if self.total else 0
        last = self.stay and self.total is not None and self.done >= self.total
        due = tenth > self.tenth or now - self.said >= LATE
        if last or (due and now - self.said >= SOON):
            self.tenth = tenth
            self._say(now, note)

    def _say(self, now: float, note: str = "") -> None:
        self.said = now
        print(self.text(now - self.begun, note), file=sys.stderr, flush=True)

    def _beat(self) -> None:
        """A line a minute while nothing ends, from a thread of its own."""
        while not self.over.wait(LATE / 10):
            if (now := monotonic()) - self.said >= LATE:
                self._say(now)

    def text(self, seconds: float, note: str = "") -> str:
        """The line after so many seconds."""
        now = self.done - self.before
        words = f"{self.what}: {self.done:,}"
        if self.total:
            words += f" of {self.total:,} ({self.done / self.total:.0%})"
        words += f" in {duration(seconds)}"
        if self.total and now > 0 and self.done < self.total:
            words += f", about {duration(seconds * (self.total - self.done) / now)} to go"
        return f"{words}, {note}" if note else words

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.over.set()
        self.bar.close()


class Tally:
    """Mean steps and share of flips of the searches that have ended."""

    def __init__(self) -> None:
        self.searches = self.steps = self.flips = 0

    def add(self, cf: Counterfactuals) -> str:
        """In words, with these."""
        self.searches += len(cf)
        self.steps += int(cf.steps.sum())
        self.flips += int(cf.flipped.sum())
        return f"{self.steps / max(1, self.searches):.0f} steps, {self.flips / max(1, self.searches):.1%} flipped"


def track(parts: Sequence[T], what: str, shown: bool = True) -> Iterator[T]:
    """The parts, one after the other, and how far that is."""
    with Progress(what, len(parts), shown) as progress:
        for part in parts:
            yield part
            progress.advance()


def watched() -> bool:
    """Whether somebody looks on: a terminal, or a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def duration(seconds: float) -> str:
    """In words.

    >>> [duration(s) for s in (3.4, 61, 121, 3599, 7260, 90000)]
    ['3 s', '61 s', '2 min', '60 min', '2 h 1 min', '25 h']
    """
    minutes = round(seconds / 60)
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes and hours < 24 else f"{hours} h"
