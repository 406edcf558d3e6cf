"""``python explain.py report RUN``: the page again, from what a run has left."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from networks.errors import InputError
from report.page import write_report
from results.generation import COMPLETE, is_of, settle
from results.lock import acquire, releasing
from results.reader import Results, check_finished
from results.shards import Shards


def rebuild(arguments: Sequence[str]) -> None:
    """Build report.html and figures of one results folder, and say where they are.

    Raises:
        InputError: not one folder, or none of a finished run.
    """
    parser = argparse.ArgumentParser(
        "explain.py report",
        description="Build report.html and figures again from the folder of a finished explain run, without searching.",
        exit_on_error=False,
    )
    parser.add_argument("run", nargs="*", metavar="RUN", help="the run's folder, its trainer.default_root_dir")
    known, unknown = parser.parse_known_args(arguments)
    given = [*known.run, *unknown]
    if len(given) != 1 or unknown:
        raise InputError(
            f"report takes one results folder and nothing else, e.g. python explain.py report runs/digits/explain; "
            f"got {' '.join(given) or 'none'}"
        )
    folder = Path(given[0])
    if not (folder / COMPLETE).is_dir():
        check_finished(folder)  # before a lock is left in what is no run's folder
    with releasing():
        acquire(folder)
        settle(folder)
        results = Results(folder)
        report = write_report(results, shown=True)
        _remove_journals(folder)
    print(f"{folder} was {results.age}\n" if results.age else "", f"report:  {report.resolve()}", sep="")


def _remove_journals(folder: Path) -> None:
    """Those of the run whose report this is, which was killed before it could."""
    shards = Shards(folder / "shards")
    try:
        run = shards.run()
    except InputError:  # not ours to judge here
        return
    if run is not None and is_of(folder, run.id):
        shards.remove()
