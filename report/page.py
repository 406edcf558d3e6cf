"""Building report.html from a results folder."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from counterfactuals.progress import Progress
from networks.files import write_atomically
from report.answer.cards import average, cards
from report.answer.headline import headlines
from report.answer.representatives import rule
from report.answer.sentence import answer
from report.attributes import attribute_tables
from report.drawings import draw_all, save_examples, saved_figures
from report.failures import failures
from report.figures.pairs import MeanChange, confusion, mean_change_figure, mean_change_uris, mean_changes
from report.figures.plots import save
from report.figures.values import value_table
from report.gallery.data import gallery_data, pictures_of, scale_of
from report.gallery.sprites import Sheets, pack
from report.numbers import summary_rows
from report.overview import before, oracles_of, outcome, results_of
from report.reasons import reasons
from results.generation import REPORT, forget_report, record_report
from results.meanings import labels
from results.naming import CONTROLS
from results.reader import Results

MOST_BYTES = 40_000_000  # of a page: more is slow to open and cannot be mailed
MAX_CARDS = 5000
PIXELATED = 64  # pixels a side up to which pictures are drawn larger without smoothing


def build_report(
    folder: Path, class_names: list[str] | None = None, max_cards: int = MAX_CARDS, shown: bool = False
) -> Path:
    """Write ``folder/report.html`` and ``folder/figures`` from the folder's merged results.

    The page loads nothing from outside: pictures, figures, style and script are in it. It takes 40 MB
    at most; its pictures are lossless where that allows it, and it says what they are otherwise.

    Args:
        folder: of a finished explain run.
        class_names: empty for values; None takes those that the run has left.
        max_cards: rows shown in the gallery, the first ones; table, numbers and figures hold all.
        shown: whether to show how far it is.

    Returns:
        The page's path.

    Raises:
        InputError: no such folder, or the run in it is not finished.
    """
    return write_report(Results(Path(folder), class_names), max_cards, shown)


def write_report(results: Results, max_cards: int = MAX_CARDS, shown: bool = False) -> Path:
    """The same of a folder that is open already, whose files have been compared with what its run has left."""
    forget_report(results.folder)
    rows = min(max_cards, len(results.table))
    save_examples(results)
    environment = Environment(loader=PackageLoader("report", "."), autoescape=select_autoescape())
    template = environment.get_template("template.html")
    changes = mean_changes(results)
    context = {**_numbers(results), **_pairs(results, changes), "figures": draw_all(results, shown)}
    context |= _first_screen(results, changes)

    def render(sheets: list[Sheets]) -> str:
        shown = _shown(sheets, rows)
        words = {"labels": labels(results.confidence_is), "confidence": results.confidence_is, "controls": CONTROLS}
        data = script_json(gallery_data(results, sheets, shown) | words)
        return template.render(
            **context, data=data, sheets=sheets, parts=_parts(sheets), shown=shown, quality=_quality(sheets, wanted)
        )

    wanted = pictures_of(results, rows)
    rest = len(render([]).encode())
    with Progress(f"report: {rows:,} rows of pictures", 1, shown) as progress:
        html = render(pack(wanted, 0.995 * (MOST_BYTES - rest)))  # the sheets' tags take the rest of the rest
        progress.advance()
    report = results.folder / REPORT
    write_atomically(report, lambda file: file.write_bytes(html.encode("utf-8", "backslashreplace")))
    record_report(results.folder, [REPORT, *saved_figures(results.folder)])
    return report


def script_json(value: Any) -> Markup:
    """JSON that may stand in a script element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _shown(sheets: list[Sheets], rows: int) -> int:
    """Rows for which there are pictures; all where there are no pictures at all."""
    return min((s.pictures.count for s in sheets if s.pictures.essential), default=rows)


def _parts(sheets: list[Sheets]) -> list[tuple[str, int, str]]:
    """Role, number and text of every sheet; those of the first rows come first."""
    parts = [
        (s.first_row(number), s.pictures.role, number, text) for s in sheets for number, text in enumerate(s.files)
    ]
    return [part[1:] for part in sorted(parts, key=lambda part: part[0])]


def _quality(sheets: list[Sheets], wanted: list[Any]) -> list[str]:
    """What the pictures are, where they are not all there and exact."""
    there = {s.pictures.role for s in sheets}
    lossy: dict[int, list[str]] = {}
    for s in sheets:
        if s.quality is not None:
            lossy.setdefault(s.quality, []).append(s.pictures.title)
    notes = [f"{', '.join(titles)}: compressed (WebP, quality {q})" for q, titles in lossy.items()]
    left_out = [p.title for p in wanted if p.role not in there]
    return notes + ([f"{', '.join(left_out)}: left out"] if left_out else [])


def _numbers(results: Results) -> dict[str, Any]:
    summary = results.summary
    return {
        "title": "/".join(results.folder.resolve().parts[-2:]),
        "age": results.age,
        "summary": summary,
        "results": list(results_of(summary)),
        "rows": summary_rows(summary),
        "outcomes": [outcome(results, name) for name in results.names],
        "before": before(summary),
        "oracle_names": oracles_of(summary),
        "controls": CONTROLS,
        "confidence": labels(results.confidence_is)["confidence"][0],
        "failures": failures(results),
        "reasons": reasons(results),
        "values": value_table(summary),
        "attributes": attribute_tables(results),
        "total": len(results.table),
        "oracles": results.oracles(),
        "class_filters": bool(results.class_names),
        "certified": results.values("", "certificate") is not None,
        "sorts": _sorts(results),
    }


def _first_screen(results: Results, changes: list[MeanChange]) -> dict[str, Any]:
    """Answer, headline numbers and representative pictures; of the mean changes those of the most frequent pair."""
    scale = scale_of(results) if results.images else 1.0
    return {
        "answer": answer(results),
        "headlines": headlines(results.summary),
        "cards": cards(results, scale),
        "rule": rule(results),
        "average": average(changes),
        "scale": scale,
        "images": results.images,
        "small": results.images and results.shape[-1] <= PIXELATED,
    }


def _sorts(results: Results) -> dict[str, str]:
    """Columns that the gallery sorts by → what they are called."""
    names, first = labels(results.confidence_is), ("steps", "confidence", "l2_x", "l2_z")
    known = [c for c in (*first, *names) if c in results.table and results.values("", c) is not None]
    numeric = [c for c in dict.fromkeys(known) if results.table[c].dtype.kind in "if" and c != "prediction"]
    return {"index": "index"} | {c: names[c][0] for c in numeric}


def _pairs(results: Results, changes: list[MeanChange]) -> dict[str, Any]:
    if changes:
        save(mean_change_figure(changes[:12]), results.folder / "figures", "mean_change")
    return {
        "confusion": confusion(results),
        "changes": mean_change_uris(changes),
        "change_names": [name for name, _, _ in changes[0].pictures] if changes else [],
        "num_pairs": sum(1 for _ in results.pairs()),
    }
