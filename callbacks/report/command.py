"""``python explain.py report RUN``: the page again, from what a run has left."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from callbacks.report.page import build_report
from networks.errors import InputError


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
    print(f"report:  {build_report(Path(given[0])).resolve()}")
