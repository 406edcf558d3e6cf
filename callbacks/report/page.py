"""Building report.html from a results folder."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from safetensors.torch import load_file
from torch import Tensor

from callbacks.report.figures import examples, spectrum_plot, steps_histogram
from callbacks.report.images import change_scale, change_uri, data_uri, image_uri


class SummaryRow(NamedTuple):
    """One line of the summary: label, every result's value as text, and what it means."""

    label: str
    values: list[str]
    meaning: str


#: key of summary.json → label, format, meaning; "n" and provenance are shown elsewhere
MEANINGS = {
    "flip_rate": ("flip rate", "{:.1%}", "searches that reached the target class with the confidence asked for"),
    "oracle_accuracy": (
        "oracle accuracy",
        "{:.1%}",
        "flipped ones that a model unseen by the search also gives the target class: higher is better",
    ),
    "fid": (
        "FID",
        "{:.2f}",
        "distance to real images of the target classes, in an independent network's features: lower is better",
    ),
    "median_distance": (
        "distance to the manifold",
        "{:.4f}",
        "median distance to the known data manifold: lower is better",
    ),
    "l2_x": ("L2 in X", "{:.3f}", "mean ‖x′ − x‖ in the input's own units"),
    "l2_z": (
        "L2 in Z",
        "{:.3f}",
        "mean ‖z′ − z‖ in the chart's coordinates: how far along (small) or off (large) the manifold",
    ),
    "ssim": ("SSIM", "{:.3f}", "mean structural similarity of x′ and x: 1 where nothing changes"),
    "reconstruction_error": ("reconstruction error", "{:.1e}", "root mean square of decode(encode(x)) − x"),
    "median_steps": ("median steps", "{:.0f}", "gradient steps until the first hit"),
    "seconds_per_sample": ("seconds per sample", "{:.4f}", "wall time of one search, in its batch"),
    "timeout": ("timeouts", "{:.0f}", "searches that ran out of steps; their best point is kept"),
    "failed": ("failed", "{:.0f}", "searches that met a number that is not finite"),
}


def results_of(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The numbers of every result by what it is called in tables; the control's last."""
    results = {"counterfactual": summary, **summary.get("others", {})}
    return {**results, "control": summary["control"]} if "control" in summary else results


def summary_rows(summary: dict[str, Any]) -> list[SummaryRow]:
    """The summary's lines, all results side by side; what none has is left out."""
    results = results_of(summary).values()
    return [
        SummaryRow(label, [_text(form, numbers.get(key)) for numbers in results], meaning)
        for key, (label, form, meaning) in MEANINGS.items()
        if any(numbers.get(key) is not None for numbers in results)
    ]


def _text(form: str, value: float | None) -> str:
    return "–" if value is None else form.format(value)


def build_report(folder: Path, class_names: list[str], max_cards: int = 1000) -> Path:
    """Write ``folder/report.html`` from the folder's merged results; returns its path.

    The page loads nothing from outside: pictures, figures, style and script are in it.
    """
    summary = json.loads((folder / "summary.json").read_text())
    table = pd.read_parquet(folder / "counterfactuals.parquet")
    tensors = load_file(folder / "counterfactuals.safetensors")
    if tensors["x"].ndim == 4:
        _save_examples(table, tensors, class_names, folder / "figures")
        _save_mean_changes(table, tensors, class_names, folder / "figures")
    environment = Environment(loader=PackageLoader("callbacks.report", "."), autoescape=select_autoescape())
    html = environment.get_template("template.html").render(
        title="/".join(folder.resolve().parts[-2:]),
        summary=summary,
        results=list(results_of(summary)),
        rows=summary_rows(summary),
        figures=_figures(summary, table, folder),
        cards=_cards(table, tensors, class_names, max_cards),
        total=len(table),
        oracles=[c.removeprefix("oracle_") for c in table.columns if c.startswith("oracle_")],
        class_names=class_names,
    )
    report = folder / "report.html"
    report.write_text(html, encoding="utf-8")
    return report


def _save_examples(table: pd.DataFrame, tensors: dict[str, Tensor], names: list[str], folder: Path, n: int = 9) -> None:
    """``examples.png``: the first n searches that flipped."""
    rows = table.index[table.status == "flipped"].tolist()[:n]
    if not rows:
        return
    x, own = tensors["x"][rows], tensors["counterfactual"][rows]
    columns = [("x", x, False), ("x′", own, False), ("change", own - x, True)]
    if (control := tensors.get("control_counterfactual")) is not None:
        columns += [("control", control[rows], False), ("its change", control[rows] - x, True)]
    titles = [f"{_name(names, table.source[i])} → {_name(names, table.target[i])}" for i in rows]
    scale = change_scale(*(images for _, images, signed in columns if signed))
    folder.mkdir(exist_ok=True)
    examples(columns, titles, scale).savefig(folder / "examples.png", dpi=130)


def _save_mean_changes(
    table: pd.DataFrame, tensors: dict[str, Tensor], names: list[str], folder: Path, most: int = 12
) -> None:
    """``mean_change.png``: where a pair's counterfactuals change, on average, for the most frequent pairs."""
    if not names:  # values have no pairs
        return
    pairs: dict[Any, Any] = table[table.status == "flipped"].groupby(["source", "target"]).groups
    largest = sorted(pairs.items(), key=lambda item: -len(item[1]))[:most]
    if not largest:
        return
    mean = lambda images: torch.stack([images[rows.tolist()].mean(0) for _, rows in largest])  # noqa: E731
    x, own = tensors["x"], tensors["counterfactual"]
    columns = [("mean x", mean(x), False), ("mean x′", mean(own), False)]
    columns += [("mean change", mean(own - x), True), ("mean |change|", mean((own - x).abs()), True)]
    if (control := tensors.get("control_counterfactual")) is not None:
        columns += [("control", mean(control - x), True), ("|control|", mean((control - x).abs()), True)]
    titles = [f"{_name(names, s)} → {_name(names, t)} ({len(rows)})" for (s, t), rows in largest]
    scale = max(float(images.abs().max()) for _, images, signed in columns if signed)
    folder.mkdir(exist_ok=True)
    examples(columns, titles, scale, per_row=min(2, len(titles))).savefig(folder / "mean_change.png", dpi=130)


def _figures(summary: dict[str, Any], table: pd.DataFrame, folder: Path) -> list[dict[str, str]]:
    own = table.loc[table.status == "flipped", "steps"].to_numpy()
    control = None
    if "control_steps" in table:
        control = table.loc[table.control_status == "flipped", "control_steps"].to_numpy()
    histogram = Markup(steps_histogram(own, control))
    figures = [{"title": "Steps of the search", "body": histogram, "note": "flipped searches only"}]
    if spectrum := summary.get("spectrum"):
        note = (
            f"effective dimension {spectrum['effective_dimension']:.1f}; "
            f"{spectrum['dimension_above_10pct']:.1f} singular values above 10 % of the largest"
        )
        figures.append(
            {
                "title": "Spectrum of ∂g/∂z",
                "body": Markup(spectrum_plot(spectrum["index"], spectrum["sigma"])),
                "note": note,
            }
        )
    for file in sorted((folder / "figures").glob("*.png")):
        if file.stem == "examples":  # the gallery shows these, and all others
            continue
        body = Markup(f'<img class="figure" alt="{file.stem}" src="{data_uri(file.read_bytes())}">')
        figures.append({"title": file.stem.replace("_", " ").capitalize(), "body": body, "note": ""})
    return figures


def _cards(table: pd.DataFrame, tensors: dict[str, Tensor], names: list[str], max_cards: int) -> list[dict[str, Any]]:
    """What the gallery shows of each row, ready for JSON."""
    x = tensors["x"][:max_cards]
    change = tensors["counterfactual"][:max_cards] - x
    control = tensors.get("control_counterfactual")
    control_change = control[:max_cards] - x if control is not None else None
    images = x.ndim == 4
    scale = change_scale(change, *([control_change] if control_change is not None else [])) if images else 1.0
    oracles = [c for c in table.columns if c.startswith("oracle_")]
    cards = []
    for i, row in enumerate(table.head(max_cards).to_dict("records")):
        card = {k: _plain(row[k]) for k in CARD_COLUMNS if k in row}
        card |= {f"{role}_name": _name(names, row[role]) for role in ("source", "target", "label")}
        card["oracles"] = {o.removeprefix("oracle_"): _name(names, row[o]) for o in oracles}
        card["control_oracles"] = {
            o.removeprefix("oracle_"): _name(names, row[f"control_{o}"]) for o in oracles if f"control_{o}" in row
        }
        card["agrees"] = all(row[o] == row["target"] for o in oracles) if oracles else None
        if images:
            card["images"] = [
                ("x", image_uri(x[i])),
                ("reconstruction", image_uri(tensors["reconstruction"][i])),
                ("x′", image_uri(tensors["counterfactual"][i])),
                ("change", change_uri(change[i], scale)),
            ]
            if control is not None and control_change is not None:
                card["control_images"] = [
                    ("control", image_uri(control[i])),
                    ("its change", change_uri(control_change[i], scale)),
                ]
        cards.append(card)
    return cards


CARD_COLUMNS = (
    "index",
    "status",
    "confidence_before",
    "confidence",
    "steps",
    "l2_x",
    "l2_z",
    "reason",
    "control_status",
    "control_confidence",
    "control_steps",
    "control_l2_x",
    "distance",
    "control_distance",
)


def _name(names: list[str], value: float) -> str:
    """Of a class; a value where there are no classes."""
    return names[int(value)] if names else f"{value:.4g}"


def _plain(value: Any) -> Any:
    """Short numbers: the page need not carry seventeen digits of each."""
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{value:.5g}")
    return value
