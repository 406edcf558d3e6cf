"""The folder of a run that goes on: its journals, and whose they are."""

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from counterfactuals.explanation import Explanation
from networks.errors import InputError
from results.files import write_json
from results.identity import Identity
from results.journal import Damage, Journal, Record, read_journal

RUN = "run.json"
OURS = "rank*-*.journal"
VERSION = 5  # of run.json and journals
DONE = ".done"


@dataclass(frozen=True)
class Run:
    """What the journals belong to.

    Attributes:
        searches: what searches depend on; those of a run with another one are not continued.
        measures: what measurements depend on; with another one they are made anew.
        id: tells this run from one that began with the same settings.
    """

    searches: Identity
    measures: Identity
    id: str

    @staticmethod
    def new(searches: Identity, measures: Identity) -> "Run":
        return Run(searches, measures, uuid.uuid4().hex)


class Shards:
    """``run.json`` and ``rank0-0.journal`` … of an unfinished run.

    Args:
        folder: of the journals; made by ``begin``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []  #: what reading has found that should be said
        self.stamps: set[str] = set()  #: of the records that have been read

    def run(self) -> Run | None:
        """Whose journals lie here; ``None`` where there is no unfinished run.

        Raises:
            InputError: nothing says whose, or something else lies among them.
        """
        if not self.folder.is_dir():
            return None
        strange = [f for f in self.folder.glob("*.journal") if f.is_symlink() or not f.is_file() or not _named(f)]
        if strange:
            raise InputError(
                f"{str(strange[0])!r} is no journal of a run, which is a file with a name like rank0-0.journal: move "
                "it away"
            )
        file = self.folder / RUN
        if not file.is_file():
            if self.journals():
                raise InputError(
                    f"{str(self.folder)!r} holds journals, and no {RUN} that says of which run: put it back, or delete "
                    "that folder to search anew"
                )
            return None
        return self._read(file)

    def _read(self, file: Path) -> Run:
        try:
            given = json.loads(file.read_bytes())
            if given.get("version") == VERSION:
                searches, measures = dict(given["searches"]), dict(given["measures"])
                return Run(searches, measures, str(given["id"]))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{str(file)!r} is damaged, so that nothing says of which run the journals beside it are: put it back, "
                "or delete that folder to search anew"
            ) from error
        raise InputError(
            f"{str(self.folder)!r} holds an unfinished run of another version of this program: finish it with that "
            "one, choose another --trainer.default_root_dir, or delete that folder to search anew"
        )

    def begin(self, run: Run) -> None:
        """Write whose journals will lie here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / RUN, {"version": VERSION, **asdict(run)})

    def journals(self) -> list[Path]:
        return sorted(self.folder.glob(OURS))

    def start(self, rank: int, earlier: list[Path]) -> Journal:
        """A journal of a rank's own, beside the earlier ones."""
        attempt = 1 + max([int(j.stem.split("-")[1]) for j in earlier], default=-1)
        return Journal(self.folder / f"rank{rank}-{attempt}.journal")

    def records(self, run: str, journals: Iterable[Path] | None = None) -> Iterator[Record]:
        """What has ended, in the order of the journals; what was found besides goes into ``notes``.

        Raises:
            InputError: a journal of another run.
        """
        for file in self.journals() if journals is None else journals:
            for found in read_journal(file):
                if isinstance(found, Damage):
                    self.notes.append(
                        f"{file} is damaged from byte {found.start} to {found.end}: what was there is searched again"
                    )
                elif found.run != run:
                    raise InputError(f"{str(file)!r} is a journal of another run: move it away")
                else:
                    self.stamps.add(found.stamp)
                    yield found

    def explanations(self, run: str, stamp: str) -> list[Explanation]:
        """Each search that bears the stamp, once."""
        unseen, found = Deduplicated(), []
        for record in self.records(run):
            if record.stamp == stamp and len(rows := unseen.rows(record.explanation)):
                found.append(record.explanation.take(rows))
        return found

    def count(self, run: str) -> int:
        """How many searches have ended."""
        unseen = Deduplicated()
        return sum(len(unseen.rows(record.explanation)) for record in self.records(run))

    def remove(self) -> None:
        """Delete the run's own files, all of them at once for whoever is killed here; what else lies there stays."""
        self.clear()
        done = self.folder.with_name(DONE)
        if not self.folder.is_dir():
            return
        if done.exists() or set(self.folder.iterdir()) - set(_ours(self.folder)):
            _delete(self.folder)
        else:
            self.folder.rename(done)
            self.clear()

    def clear(self) -> None:
        """Delete the rest of journals whose removal was cut off."""
        if (done := self.folder.with_name(DONE)).is_dir():
            _delete(done)


def _ours(folder: Path) -> list[Path]:
    return [*folder.glob(OURS), *folder.glob(f".{RUN}.*.partial"), *folder.glob(RUN)]


def _delete(folder: Path) -> None:
    for file in _ours(folder):
        file.unlink()
    if next(folder.iterdir(), None) is None:
        folder.rmdir()


class Deduplicated:
    """Which searches have not come before."""

    def __init__(self) -> None:
        self.seen: dict[str, set[tuple[int, int]]] = {}
        self.number = self.repeated = 0

    def rows(self, explanation: Explanation) -> torch.Tensor:
        """Rows of those that are new, n int64, which they are no longer."""
        seen, rows = self.seen.setdefault(explanation.name, set()), []
        for row, key in enumerate(zip(explanation.index.tolist(), explanation.number.tolist(), strict=True)):
            if key not in seen:
                seen.add(key)
                rows.append(row)
        self.number += len(rows)
        self.repeated += len(explanation.index) - len(rows)
        return torch.tensor(rows, dtype=torch.int64)


def _named(file: Path) -> bool:
    rank, _, attempt = file.stem.removeprefix("rank").partition("-")
    return file.stem.startswith("rank") and rank.isdecimal() and attempt.isdecimal()
