"""The papers' tables, and the numbers behind their figures, for finished explain runs: Markdown, beside published ones.

python -m benchmarks.paper_tables runs/mnist/explain_4_to_9 runs/celeba/explain runs/celeba/compare runs/mall/explain
python -m benchmarks.paper_tables runs/celeba/vaex:runs/celeba/explain_vaex --extractor runs/celeba/oracle/best.ckpt

Of *Diffeomorphic Counterfactuals* Tables I to IV and Fig. 11 to 14, as far as the runs have measured what is in them;
of *Hierarchical VAEs for Visual Counterfactuals* Tables I to III, of runs given as TRAINING:EXPLAIN. What the first
paper calls an adversarial example is the search in pixels that stops at Λ, ``paper_control``; beside it stands the one
that is matched. Its tables are pictures in the copy at hand: published values are those that its text names.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmarks import vaex_tables
from report.overview import results_of
from results.naming import column
from results.reader import Results

#: what the paper calls them
RESULTS = {"": "Z: counterfactual", "paper_control": "X: adversarial example", "control": "X: matched control"}
PUBLISHED_IV = (
    "438 of 500 of Zhao's searches arrived, median 15 minutes; Van Looveren's prototypes took 6 minutes an image"
)
PUBLISHED_11 = "a U-Net of RMSE 0.63 was explained, one of 0.72 was the oracle"
PUBLISHED_SVM = "own accuracy of the SVM: 92 % on MNIST, 85 % on CelebA, 70 % on CheXpert"
AGREE = "oracle_accuracy_searched/"


class Run(NamedTuple):
    """A finished run, under the name of its folders."""

    name: str
    results: Results

    def flipped(self, result: str, name: str) -> pd.Series | None:
        """A column of what has flipped; ``None`` where the run has not measured it."""
        values = self.results.values(result, name) if self.has(result) else None
        return None if values is None else values[self.results.flipped(result)].astype(float)

    def has(self, result: str) -> bool:
        return column(result, "status") in self.results.table

    def numbers(self, result: str) -> dict[str, Any]:
        """Of the summary, for one result."""
        return results_of(self.results.summary)[result or "counterfactual"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="folder of an explain run, or TRAINING:EXPLAIN of a VAEX")
    parser.add_argument("--extractor", help="checkpoint of the classifier in whose features VAEX's FIDs are")
    given = parser.parse_args(arguments)
    pairs = [run for run in given.runs if ":" in run]
    if pairs and not given.extractor:
        parser.error("FIDs of a VAEX need --extractor")
    runs = [Run("/".join(Path(folder).parts[-2:]), Results(Path(folder))) for folder in given.runs if ":" not in folder]
    show("Table I: IM1, mean ± standard deviation", means(runs, "im1", "im1_originals"), "")
    show("Table II: L2 in X, mean ± standard deviation", means(runs, "l2_x"), "")
    show("Table III: L2 in Z, mean ± standard deviation", means(runs, "l2_z"), "")
    show("Table IV: the published searches side by side", side_by_side(runs), PUBLISHED_IV)
    show("Fig. 11: oracles that say the target, of all searches", agreements(runs), PUBLISHED_SVM)
    show(
        "Fig. 11: values that the oracles see, lower quartile / median / upper quartile",
        values_seen(runs),
        PUBLISHED_11,
    )
    show("Fig. 12: heads that both networks see, mean ± standard deviation", means(runs, "heads_agree"), "")
    show(
        "Fig. 13: neighbours of the target class (or closeness to the value), mean ± standard deviation",
        means(runs, "neighbours"),
        "",
    )
    show("Fig. 14: distances, lower quartile / median / upper quartile", distances(runs), "")
    if pairs:
        vaex_tables.main([*pairs, "--extractor", given.extractor])


def show(title: str, rows: list[list[str]], published: str) -> None:
    """Nothing where no run has measured it."""
    if len(rows) < 2:
        return
    print(f"\n**{title}**" + (f" (published: {published})" if published else "") + "\n")
    for number, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if not number:
            print("|---" * len(row) + "|")


def means(runs: list[Run], name: str, of_originals: str = "") -> list[list[str]]:
    """A row a run, a column a result; the originals' mean first where the summary has it."""
    rows = [["run", *(["originals"] if of_originals else []), *RESULTS.values()]]
    for run in runs:
        cells = [spread(run.flipped(result, name)) for result in RESULTS]
        original = run.results.summary.get(of_originals)
        first = [f"{original:.3g}" if original is not None else "–"] if of_originals else []
        rows += [[run.name, *first, *cells]] if set(cells) != {"–"} else []
    return rows


def spread(values: pd.Series | None) -> str:
    return "–" if values is None or values.isna().all() else f"{values.mean():.3g} ± {values.std(ddof=0):.2g}"


def quartiles(values: pd.Series | None) -> str:
    if values is None or values.isna().all():
        return "–"
    return " / ".join(f"{q:.3g}" for q in values.quantile([0.25, 0.5, 0.75]))


def side_by_side(runs: list[Run]) -> list[list[str]]:
    """Of runs that compare other searches."""
    rows = [
        ["run", "search", "arrived", "oracles agree, of all searches", "SSIM", "L2 in X", "L2 in Z", "median seconds"]
    ]
    for run in runs:
        methods = [name for name in run.results.summary.get("others", {}) if name not in RESULTS]
        for name in ["", *methods, "control"] if methods else []:
            table = run.results.table[run.results.table[column(name, "status")] != "already_target"]
            arrived = f"{int(run.results.flipped(name).sum())} of {len(table)}"
            agree = ", ".join(f"{oracle} {share:.1%}" for oracle, share in shares(run.numbers(name)).items())
            cells = [spread(run.flipped(name, key)) for key in ("ssim", "l2_x", "l2_z")]
            rows.append(
                [run.name, name or "ours", arrived, agree, *cells, f"{table[column(name, 'seconds')].median():.2f}"]
            )
    return rows


def shares(numbers: dict[str, Any]) -> dict[str, float]:
    """By oracle, of how many of all searches it says the target."""
    return {key.removeprefix(AGREE): value for key, value in numbers.items() if key.startswith(AGREE)}


def agreements(runs: list[Run]) -> list[list[str]]:
    """Of how many originals, x′ and controls each oracle says the target."""
    rows = [["run", "oracle", "own accuracy", "originals", *RESULTS.values()]]
    for run in runs:
        of = [shares(run.numbers(result)) if run.has(result) else {} for result in RESULTS]
        for oracle in of[0]:
            own, base = (run.numbers("").get(f"{key}/{oracle}") for key in ("oracle_own_accuracy", "oracle_base"))
            found = [own, base, *(said.get(oracle) for said in of)]
            rows.append([run.name, oracle, *("–" if value is None else f"{value:.1%}" for value in found)])
    return rows


def values_seen(runs: list[Run]) -> list[list[str]]:
    """Of runs whose targets are values: what every oracle counts in x, x′ and the controls, a row a target."""
    rows = [["run", "target", "network", "x", *RESULTS.values()]]
    for run in (run for run in runs if not run.results.class_names):
        table = run.results.table
        for target, part in table.groupby("target"):
            networks = {"explained": ("source", "prediction")} | {
                f"oracle {name}": (f"source_oracle_{name}", f"oracle_{name}") for name in run.results.oracles()
            }
            for network, (of_x, of_cf) in networks.items():
                cells = [quartiles(part[column(r, of_cf)]) if column(r, of_cf) in part else "–" for r in RESULTS]
                rows.append([run.name, f"{target:g} ({len(part)})", network, quartiles(part[of_x]), *cells])
    return rows


def distances(runs: list[Run]) -> list[list[str]]:
    """To the own original, and to all training images of the class that was left."""
    rows = [["run", "result", "X: own", "X: all of the class", "Z: own", "Z: all of the class"]]
    for run in runs:
        for result, name in RESULTS.items():
            cells = [quartiles(run.flipped(result, key)) for key in ("l2_x", "l2_x_class", "l2_z", "l2_z_class")]
            rows += [[run.name, name, *cells]] if cells[1] != "–" else []
    return rows


if __name__ == "__main__":
    main()
