"""Building report.html from a results folder."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from callbacks.report.drawings import draw_all, save_examples
from callbacks.report.failures import failures
from callbacks.report.figures import save
from callbacks.report.gallery import gallery_data, pictures_of, scale_of
from callbacks.report.overview import outcome, results_of
from callbacks.report.pairs import confusion, mean_change_figure, mean_change_uris, mean_changes
from callbacks.report.results import Results
from callbacks.report.sprites import Sheets, pack
from callbacks.report.values import value_table

MOST_BYTES = 40_000_000  # of a page: more is slow to open and cannot be mailed
MAX_CARDS = 5000


class SummaryRow(NamedTuple):
    """One line of the summary: label, every result's value and 95 % interval as text, and what it means."""

    label: str
    values: list[str]
    intervals: list[str]
    meaning: str


#: key of summary.json or column → label, format, meaning; "n" and provenance are shown elsewhere
MEANINGS = {
    "flip_rate": (
        "flip rate",
        "{:.1%}",
        "searches that reached the target: the class with the confidence asked for, or the value",
    ),
    "flip_rate_half": (
        "flip rate at ½",
        "{:.1%}",
        "searches whose result the model gives the target class with p > 0.5, however confident they had to be",
    ),
    "oracle_accuracy": (
        "oracle accuracy",
        "{:.1%}",
        "flipped ones that a model unseen by the search also gives the target class: higher is better",
    ),
    "oracle_share": (
        "oracle's share of the way",
        "{:.1%}",
        "of the way from x to the target value, what a model unseen by the search sees: 100 % is all of it",
    ),
    "certified": (
        "certified",
        "{:.1%}",
        "searches that end green: flipped, on the data manifold, and every oracle agrees: higher is better",
    ),
    "on_manifold": (
        "on the manifold",
        "{:.1%}",
        "flipped ones that the chart does not call off the data manifold; it calls 4 % of real images so",
    ),
    "margin": ("margin", "{:.3f}", "target's probability minus the next best class's: 1 is certain, 0 is a tie"),
    "neighbours": (
        "neighbours",
        "{:.3f}",
        "share of the nearest real images that are of the target class (for values: their mean value)",
    ),
    "fid": (
        "FID",
        "{:.2f}",
        "distance to real images of the target classes, in an independent network's features: lower is better",
    ),
    "kid": (
        "KID",
        "{:.4f}",
        "kernel distance to real images of the target classes, unbiased for few samples: lower is better",
    ),
    "spatial_fid": (
        "spatial FID",
        "{:.2f}",
        "the FID of features that keep their place in the image, so that local artefacts count: lower is better",
    ),
    "p_manifold": (
        "p of the manifold",
        "{:.3f}",
        "calibrated p-value of “x′ is like a real image”: small values speak against it",
    ),
    "log_q": (
        "likelihood percentile",
        "{:.3f}",
        "share of held-out real images that the flow finds less likely than x′: near 0 is unlike any of them",
    ),
    "z_norm": (
        "‖z′‖ percentile",
        "{:.3f}",
        "share of the chart's normal distribution that is nearer its centre: 1 is far out",
    ),
    "off_axis": (
        "off the axes",
        "{:.2f}",
        "deviation in the latent coordinates in which real images vary least: real ones have about 0.7",
    ),
    "grain": (
        "grain",
        "{:.2f}",
        "fine detail beyond what the coarse lets expect, in nats of energy: about 0 for real images, noise has more",
    ),
    "chart_error": (
        "chart's error on x′",
        "{:.1e}",
        "root mean square of decode(encode(x′)) − x′: large where x′ is off what the chart can draw",
    ),
    "tangent_share": (
        "tangent share",
        "{:.3f}",
        "share of the change that lies in the manifold's tangent space: 1 stays along the data, 0 leaves it",
    ),
    "heads_agree": (
        "heads agree",
        "{:.3f}",
        "F1 of the heads that model and oracle locate in x′, to each other: 1 where they see the same",
    ),
    "im1": (
        "IM1",
        "{:.3f}",
        "error of the target class's autoencoder over that of the source class's: lower is better",
    ),
    "im2": (
        "IM2",
        "{:.4f}",
        "how differently the target class's and the general autoencoder draw x′, over its brightness: lower is better",
    ),
    "median_distance": (
        "distance to the manifold",
        "{:.4f}",
        "median distance to the known data manifold: lower is better",
    ),
    "l2_x": ("L2 in X", "{:.3f}", "mean ‖x′ − x‖ in the input's own units"),
    "l1_x": ("L1 in X", "{:.4f}", "mean |x′ − x| of a pixel"),
    "changed": ("pixels changed", "{:.1%}", "share of the pixels that differ by more than 0.05"),
    "ssim": ("SSIM", "{:.3f}", "mean structural similarity of x′ and x: 1 where nothing changes"),
    "feature_distance": (
        "distance in features",
        "{:.3f}",
        "distance of x′ and x in an independent network's features: what a viewer would notice",
    ),
    "lpips": (
        "LPIPS",
        "{:.3f}",
        "distance of x′ and x in a network's features, weighted as people judge: small where little is noticed",
    ),
    "l2_z": (
        "L2 in Z",
        "{:.3f}",
        "mean ‖z′ − z‖ in the chart's coordinates: how far along (small) or off (large) the manifold",
    ),
    "cout": (
        "COUT",
        "{:.3f}",
        "how soon the class turns when the largest changes are made first: 1 at once, −1 never",
    ),
    "label_variation": (
        "label variation",
        "{:.3f}",
        "how much other attributes of the image change along with the one that should: lower is better",
    ),
    "attributes_changed": (
        "attributes changed",
        "{:.2f}",
        "other attributes of which a classifier changes its mind from x to x′: lower is better",
    ),
    "relaxation": (
        "r",
        "{:.2f}",
        "share of the posterior that was kept when the model changed its mind: 1 is all of it, 0 none below the top",
    ),
    "reconstruction_error": ("reconstruction error", "{:.1e}", "root mean square of decode(encode(x)) − x"),
    "median_steps": ("median steps", "{:.0f}", "gradient steps until the first hit"),
    "seconds_per_sample": ("seconds per sample", "{:.4f}", "wall time of one search, in its batch"),
    "decodes": ("decodes", "{:.1f}", "evaluations of the decoder a search, whatever its method calls a step"),
    "timeout": ("timeouts", "{:.0f}", "searches that ran out of steps; their best point is kept"),
    "failed": ("failed", "{:.0f}", "searches that met a number that is not finite"),
}

#: columns that only the rows have → label, meaning
COLUMNS = {
    "confidence": ("confidence", "the model's probability of the target for x′"),
    "prediction": ("prediction", "the model's class for x′"),
    "steps": ("steps", "gradient steps"),
    "seconds": ("seconds", "wall time of this search, in its batch"),
    "distance": ("distance to the manifold", "to the known data manifold"),
    "l2_x_class": ("L2 in X to the class", "mean distance of x′ to all originals of the source class"),
    "l2_z_class": ("L2 in Z to the class", "the same in the chart's coordinates"),
    "status": ("status", "how the search ended"),
    "certificate": ("certificate", "the verdict on this counterfactual"),
    "certificate_reasons": ("reasons", "what the certificate found"),
    "reason": ("reason", "why the search failed"),
}


def summary_rows(summary: dict[str, Any]) -> list[SummaryRow]:
    """The summary's lines, all results side by side; what none has is left out."""
    results = results_of(summary).values()
    return [
        SummaryRow(
            label,
            [_text(form, numbers.get(key)) for numbers in results],
            [_interval(form, numbers.get("intervals", {}).get(key)) for numbers in results],
            meaning,
        )
        for key, (label, form, meaning) in MEANINGS.items()
        if any(numbers.get(key) is not None for numbers in results)
    ]


def _text(form: str, value: float | None) -> str:
    return "–" if value is None else form.format(value)


def _interval(form: str, bounds: list[float | None] | None) -> str:
    if not bounds or None in bounds:
        return ""
    low, high = (form.format(bound) for bound in bounds)
    return f"{low.removesuffix('%')} – {high}"


def build_report(folder: Path, class_names: list[str] | None = None, max_cards: int = MAX_CARDS) -> Path:
    """Write ``folder/report.html`` and ``folder/figures`` from the folder's merged results.

    The page loads nothing from outside: pictures, figures, style and script are in it. It takes 40 MB
    at most; its pictures are lossless where that allows it, and it says what they are otherwise.

    Args:
        folder: of a finished explain run.
        class_names: empty for values; None takes those that the run has left.
        max_cards: rows shown in the gallery, the first ones; table, numbers and figures hold all.

    Returns:
        The page's path.

    Raises:
        InputError: no such folder, or the run in it is not finished.
    """
    results = Results(Path(folder), class_names)
    rows = min(max_cards, len(results.table))
    save_examples(results)
    environment = Environment(loader=PackageLoader("callbacks.report", "."), autoescape=select_autoescape())
    template = environment.get_template("template.html")
    context = {**_numbers(results), **_pairs(results), "figures": draw_all(results)}
    context["scale"] = scale_of(results) if results.images else 1.0

    def render(sheets: list[Sheets]) -> str:
        shown = _shown(sheets, rows)
        data = script_json(gallery_data(results, sheets, shown) | {"labels": _labels()})
        return template.render(
            **context, data=data, sheets=sheets, parts=_parts(sheets), shown=shown, quality=_quality(sheets, wanted)
        )

    wanted = pictures_of(results, rows)
    rest = len(render([]).encode())
    html = render(pack(wanted, 0.995 * (MOST_BYTES - rest)))  # the sheets' tags take the rest of the rest
    report = results.folder / "report.html"
    report.write_text(html, encoding="utf-8")
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


def _labels() -> dict[str, tuple[str, str]]:
    meanings = {key: (label, meaning) for key, (label, _, meaning) in MEANINGS.items()}
    first = {key: COLUMNS[key] for key in ("status", "confidence", "prediction", "steps")}
    return {**first, **meanings, **COLUMNS}


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
        "summary": summary,
        "results": list(results_of(summary)),
        "rows": summary_rows(summary),
        "outcomes": [outcome(results, name) for name in results.names],
        "failures": failures(results),
        "values": value_table(summary),
        "total": len(results.table),
        "oracles": results.oracles(),
        "class_filters": bool(results.class_names),
        "certified": results.values("", "certificate") is not None,
        "sorts": _sorts(results),
    }


def _sorts(results: Results) -> dict[str, str]:
    """Columns that the gallery sorts by → what they are called."""
    labels, first = _labels(), ("steps", "confidence", "l2_x", "l2_z")
    known = [c for c in (*first, *labels) if c in results.table and results.values("", c) is not None]
    numeric = [c for c in dict.fromkeys(known) if results.table[c].dtype.kind in "if" and c != "prediction"]
    return {"index": "index"} | {c: labels[c][0] for c in numeric}


def _pairs(results: Results) -> dict[str, Any]:
    changes = mean_changes(results)
    if changes:
        save(mean_change_figure(changes[:12]), results.folder / "figures", "mean_change")
    return {
        "confusion": confusion(results),
        "changes": mean_change_uris(changes),
        "change_names": [name for name, _, _ in changes[0].pictures] if changes else [],
        "num_pairs": sum(1 for _ in results.pairs()),
    }
