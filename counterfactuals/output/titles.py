"""What stands above the pictures of a search."""

from collections.abc import Sequence

import torch

from counterfactuals.output.words import named, probability, short
from counterfactuals.result import Counterfactuals, Status

LONGEST = 18  # letters of a class, so that the numbers behind it have room


def titles(cf: Counterfactuals, class_names: Sequence[str] | None) -> list[str]:
    """What was to become of each row, and what did.

    Returns:
        such as "4 → 9, p 0.002 → 0.991", and of values "3.1 → 10, came to 9.6, timeout".
    """
    sources, targets = named(cf.source, class_names), named(cf.target, class_names)
    rows = zip(sources, targets, endings(cf), strict=True)
    return [f"{_name(source)} → {_name(target)}, {ending}" for source, target, ending in rows]


def endings(cf: Counterfactuals) -> list[str]:
    """The score of each row before and after, and how it ended where it did not flip."""
    ended = [Status(s) for s in cf.status.tolist()]
    rows = zip(_scores(cf), ended, cf.reasons, strict=True)
    return [_ending(*row) for row in rows]


def _ending(score: str, status: Status, reason: str) -> str:
    if status == Status.FAILED:
        return f"failed: {reason}"
    return score if status == Status.FLIPPED else f"{score}, {status.word.replace('_', ' ')}"


def _scores(cf: Counterfactuals) -> list[str]:
    if cf.target.is_floating_point():
        return [f"came to {value:.3g}" for value in cf.prediction.tolist()]
    word, write = ("p", probability) if _are_probabilities(cf) else ("score", "{:.3g}".format)
    both = zip(cf.source_confidence.tolist(), cf.confidence.tolist(), strict=True)
    return [f"{word} {write(before)} → {write(after)}" for before, after in both]


def _name(name: str | float) -> str:
    return f"{name:.3g}" if isinstance(name, float) else short(str(name), LONGEST)


def _are_probabilities(cf: Counterfactuals) -> bool:
    """A margin, which ``ReachMargin`` scores by, is negative before the search."""
    scores = torch.cat([cf.source_confidence, cf.confidence])
    scores = scores[scores.isfinite()]
    return bool(((scores >= 0) & (scores <= 1)).all())
