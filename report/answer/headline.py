"""The five numbers that come first, of all that a summary has."""

from typing import Any, NamedTuple

from metrics.oracle import ALL
from report.numbers import interval, written
from report.overview import variants
from results.meanings import MEANINGS

MOST = 5
#: key → what it says, in few words; the first ``MOST`` that a run has are shown
ORDER = {
    "flip_rate": "of the searches reached their target",
    "oracle_gain": "agreement that the search has won",
    "oracle_share": "of the way, as an independent model sees it",
    "on_manifold": "of these pass the test for real samples",
    "l1_x": "size of the change, summed up",
    "ssim": "likeness to the original, at most 1",
    "neighbours": "what the nearest real samples are",
    "certified": "carry a green certificate",
    "oracle_accuracy": "of these an independent model agrees with",
    "l2_x": "size of the change, as a distance",
    "changed": "of the values differ visibly",
    "recognised": "still most like their own original",
    "feature_distance": "what a viewer would notice of the change",
    "fid": "distance to real samples: lower is better",
    "median_distance": "distance to the known data: lower is better",
    "margin": "target's probability less the next one's",
    "median_steps": "steps of the search",
}


class Number(NamedTuple):
    """As text, with its 95 % interval ("" where that is not known)."""

    text: str
    interval: str


class Headline(NamedTuple):
    """One of the first numbers: what it is called, in few words and in full, and each result's."""

    label: str
    says: str
    meaning: str
    numbers: list[Number]


def headlines(summary: dict[str, Any]) -> list[Headline]:
    """Of the counterfactuals and, beside them, of the control where there is one."""
    shown = [summary, *([summary["control"]] if "control" in summary else [])]
    found = [(key, full) for key in ORDER if summary.get(full := strictest(summary, key)) is not None]
    return [_headline(shown, key, full) for key, full in found[:MOST]]


def strictest(summary: dict[str, Any], key: str) -> str:
    """Under which name the number stands that is hardest to pass: that of all oracles, or else of the hardest one."""
    names = variants(summary, key)
    if not names or ALL in names:
        return f"{key}/{ALL}" if names else key
    known = [f"{key}/{name}" for name in names if summary.get(f"{key}/{name}") is not None]
    return min(known, key=summary.__getitem__, default=key)


def _headline(shown: list[dict[str, Any]], key: str, full: str) -> Headline:
    label, form, meaning = MEANINGS[key]
    oracle = full.removeprefix(key).removeprefix("/")
    numbers = [
        Number(written(form, numbers.get(full)), interval(form, numbers.get("intervals", {}).get(full)))
        for numbers in shown
    ]
    named = f"{label}: {'all of them' if oracle == ALL else oracle}" if oracle else label
    return Headline(named, ORDER[key], meaning, numbers)
