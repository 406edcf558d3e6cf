"""The first screen's pairs of pictures, with what stands under them."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
from torch import Tensor

from metrics.samples import FLIPPED
from report.answer.agreement import agreement
from report.answer.representatives import representatives
from report.attributes import sentence
from report.figures.pairs import MeanChange, mean_change_uris, mean_scale
from report.gallery.images import change_uri, image_uri
from results.naming import column
from results.reader import Results

CONTROL = "control"


class Picture(NamedTuple):
    """One image of a card: what it is called, and a data URI."""

    label: str
    uri: str


class Side(NamedTuple):
    """One result's part of a card.

    Attributes:
        name: its class in the page's style, "" for the counterfactual.
        pictures: x, x′ and what changed; of the control without x.
        confidence: how sure the model is, before and after; or its value.
        opinions: how many independent models agree; "" where there are none.
        changes: of attributes, the largest first; "" where none are known.
    """

    name: str
    pictures: list[Picture]
    confidence: str
    opinions: str
    changes: str = ""


class Card(NamedTuple):
    """One search: its row, the sample's number, source → target, certificate ("" for none), and both results."""

    row: int
    number: str
    pair: str
    certificate: str
    sides: list[Side]


def cards(results: Results, scale: float) -> list[Card]:
    """Of the representative searches; none where samples are not images. Full colour is a change of ``scale``."""
    rows = representatives(results) if results.images else []
    names = ["", *([CONTROL] if results.has(f"{CONTROL}_counterfactual") else [])]
    said = {name: agreement(results, name) for name in names}
    return [_card(results, row, {name: said[name].iloc[row] for name in names}, scale) for row in rows]


def _card(results: Results, row: int, said: dict[str, pd.Series], scale: float) -> Card:
    table = results.table.iloc[row]
    number = f"#{table['index']}" + (f".{table['number']}" if table["number"] else "")
    certificate = table.get("certificate")
    sides = [
        Side(
            name,
            _pictures(results, row, name, scale),
            confidence(results, row, name),
            opinions(results, votes),
            sentence(table, column(name, "")),
        )
        for name, votes in said.items()
    ]
    pair = f"{results.name_of(table['source'])} → {results.name_of(table['target'])}"
    return Card(row, number, pair, certificate if isinstance(certificate, str) else "", sides)


def _pictures(results: Results, row: int, name: str, scale: float) -> list[Picture]:
    def image(tensor: str) -> Tensor:
        return results.part(tensor, row, row + 1)[0].float()

    x, made = image("x"), image(column(name, "counterfactual"))
    change = change_uri(made - x, scale)
    if name:
        return [Picture("control", image_uri(made)), Picture("its change", change)]
    return [Picture("x", image_uri(x)), Picture("x′", image_uri(made)), Picture("change", change)]


def confidence(results: Results, row: int, name: str) -> str:
    """The model's, before and after; of a search that did not arrive, how it ended."""
    table = results.table.iloc[row]
    status = table[column(name, "status")]
    if status != FLIPPED:
        return str(status).replace("_", " ")
    written: Callable[[float], str] = "{:.3g}".format
    if results.class_names:
        kind, before, after = results.confidence_is, table.get("confidence_before"), table[column(name, "confidence")]
        if kind == "probability":
            kind, written = "confidence", percent
    else:
        kind, before, after = "value", table["source"], table[column(name, "prediction")]
    start = "" if name or pd.isna(before) else f"{written(before)} → "  # the same for the control
    return f"{kind} {start}{written(after)}"


def percent(p: float) -> str:
    """A probability that is neither certain nor impossible unless it is."""
    if 0 < p < 0.001:
        return "<0.1%"
    return ">99.9%" if 0.999 < p < 1 else f"{p:.1%}"


def opinions(results: Results, votes: pd.Series) -> str:
    """How many independent models agree with one row, where there are any."""
    if votes.empty:
        return ""
    if len(votes) > 1:
        return f"{int((votes == 1).sum())} of {len(votes)} models {'agree' if results.class_names else 'see it'}"
    if votes.isna().all():
        return f"{votes.index[0]}: no answer"
    if votes.iloc[0] == 1:
        return f"{votes.index[0]} {'agrees' if results.class_names else 'sees it'}"
    return f"{votes.index[0]} {'disagrees' if results.class_names else 'does not see it'}"


class Average(NamedTuple):
    """Mean pictures over the flipped rows of one pair."""

    pair: str
    flipped: int
    pictures: list[Picture]
    scale: float


def average(changes: list[MeanChange]) -> Average | None:
    """Of the most frequent pair, which comes first; the page's table shows all of them on one scale, as this one."""
    if not changes:
        return None
    pair, flipped, uris = mean_change_uris(changes)[0]
    names = [name for name, _, _ in changes[0].pictures]
    shown = [Picture(name, uri) for name, uri in zip(names, uris, strict=True) if "|" not in name]
    return Average(pair, flipped, shown, mean_scale(changes))
