"""How the searches of every result ended, at a glance."""

from typing import Any, NamedTuple

from callbacks.naming import column
from callbacks.report.consistency import STATUSES, VERDICTS
from callbacks.report.results import Results


class Outcome(NamedTuple):
    """How the searches of one result ended, and what its certificate says of them: word → count."""

    name: str
    searched: int
    oracle: float | None
    status: dict[str, int]
    certificate: dict[str, int]


def results_of(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The numbers of every result by what it is called in tables; the control's last."""
    results = {"counterfactual": summary, **summary.get("others", {})}
    return {**results, "control": summary["control"]} if "control" in summary else results


def outcome(results: Results, name: str) -> Outcome:
    """Counts of one result; without a certificate in the summary, of its column."""
    status: dict[Any, int] = results.table[column(name, "status")].value_counts().to_dict()
    numbers = results_of(results.summary).get(name or "counterfactual", {})
    counts = numbers.get("certificate")
    if counts is None and (given := results.values(name, "certificate")) is not None:
        counts = given.value_counts().to_dict()
    certificate = {word: int(counts[word]) for word in VERDICTS if counts and counts.get(word)}
    ended = {word: int(status[word]) for word in STATUSES if word in status}
    searched = sum(ended.values()) - ended.get("already_target", 0)
    agreed = numbers.get("oracle_accuracy")
    oracle = numbers.get("oracle_share") if agreed is None else agreed
    return Outcome(name or "counterfactual", searched, oracle, ended, certificate)
