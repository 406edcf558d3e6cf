"""Why certificates are not green: every reason, and how many rows it was found in."""

from collections import Counter
from typing import NamedTuple

from metrics.certificate.certificate import SEPARATOR
from results.reader import Results


class Reasons(NamedTuple):
    """Names of the results that have certificates, and for each reason how many rows of each result it holds for."""

    results: list[str]
    rows: list[tuple[str, list[int]]]


def reasons(results: Results) -> Reasons:
    """The most frequent first; a row may have several, and a green one has none."""
    counts = {name: found for name in results.names if (found := _counts(results, name)) is not None}
    every = Counter[str]()
    for found in counts.values():
        every.update(found)
    rows = sorted(every, key=lambda reason: ([-found[reason] for found in counts.values()], reason))
    return Reasons(
        [name or "counterfactual" for name in counts], [(r, [found[r] for found in counts.values()]) for r in rows]
    )


def _counts(results: Results, name: str) -> Counter[str] | None:
    found = results.values(name, "certificate_reasons")
    if found is None:
        return None
    return Counter(reason for text in found.dropna() for reason in str(text).split(SEPARATOR) if reason)
