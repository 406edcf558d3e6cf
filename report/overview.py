"""How the searches of every result ended, and what oracles say of them and of their originals, at a glance."""

from typing import Any, NamedTuple

from results.consistency import STATUSES, VERDICTS
from results.naming import column
from results.reader import Results

#: what an oracle's share is, the best that a summary has, and what is gained
AGREEMENTS = ("oracle_accuracy_searched", "oracle_accuracy", "oracle_share")
GAIN = "oracle_gain"
#: shares of the same searches before any step: row of the table → key
BEFORE = {"originals": "oracle_base", "reconstructions": "oracle_reconstruction"}


class Verdict(NamedTuple):
    """A share of the searches that an oracle gives the target, and what of it is gained over the originals."""

    share: float | None
    gain: float | None = None
    interval: list[float] | None = None


class Outcome(NamedTuple):
    """How the searches of one result ended, what its certificate says of them (word → count), and every oracle."""

    name: str
    searched: int
    verdicts: list[Verdict]
    status: dict[str, int]
    certificate: dict[str, int]


def results_of(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The numbers of every result by what it is called in tables; the control's last."""
    results = {"counterfactual": summary, **summary.get("others", {})}
    return {**results, "control": summary["control"]} if "control" in summary else results


def variants(summary: dict[str, Any], key: str) -> list[str]:
    """The oracles (and ``all``) of which some result has ``key``; none for one oracle, whose number ``key`` is."""
    named = [name for numbers in results_of(summary).values() for name in numbers if name.startswith(f"{key}/")]
    names = list(dict.fromkeys(name.removeprefix(f"{key}/") for name in named))
    return names if len(names) > 1 else []


def oracles_of(summary: dict[str, Any]) -> list[str]:
    """Names of the oracles of a summary, last ``all``; "" for the only one that an old one has."""
    found = [name for key in AGREEMENTS for name in summary if name.startswith(f"{key}/")]
    names = list(dict.fromkeys(name.partition("/")[2] for name in found))
    return names or [""] * any(summary.get(key) is not None for key in AGREEMENTS)


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
    verdicts = [_verdict(numbers, oracle) for oracle in oracles_of(results.summary)]
    return Outcome(name or "counterfactual", searched, verdicts, ended, certificate)


def before(summary: dict[str, Any]) -> dict[str, list[Verdict]]:
    """What oracles say without a search: of originals and of reconstructions, where that is known."""
    rows = {row: [summary.get(_key(key, oracle)) for oracle in oracles_of(summary)] for row, key in BEFORE.items()}
    return {
        row: [Verdict(share) for share in shares] for row, shares in rows.items() if any(s is not None for s in shares)
    }


def _verdict(numbers: dict[str, Any], oracle: str) -> Verdict:
    shares = (numbers.get(_key(key, oracle)) for key in AGREEMENTS)
    interval = numbers.get("intervals", {}).get(_key(GAIN, oracle))
    known = interval if interval and None not in interval else None
    return Verdict(next((s for s in shares if s is not None), None), numbers.get(_key(GAIN, oracle)), known)


def _key(kind: str, oracle: str) -> str:
    return f"{kind}/{oracle}" if oracle else kind
