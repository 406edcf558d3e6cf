"""Searches that did not arrive, and why."""

from typing import NamedTuple

from results.naming import column
from results.reader import Results

TIMED_OUT = "ran out of steps; the best point so far is kept"


class Failure(NamedTuple):
    """So many searches of a result ended with this status for this reason."""

    result: str
    status: str
    reason: str
    searches: int


def failures(results: Results) -> list[Failure]:
    """Timeouts and failures of every result, the most frequent first."""
    found = []
    for name in results.names:
        table = results.table[[column(name, "status"), column(name, "reason")]].set_axis(["status", "reason"], axis=1)
        lost = table[table["status"].isin(["timeout", "failed"])].fillna("")
        counts = lost.groupby(["status", "reason"]).size().sort_values(ascending=False)
        keys: list[tuple[str, str]] = counts.index.tolist()
        for (status, reason), count in zip(keys, counts, strict=True):
            found.append(Failure(name or "counterfactual", status, reason or _default(status), int(count)))
    return found


def _default(status: str) -> str:
    return TIMED_OUT if status == "timeout" else "no reason was kept"
