"""Counterfactuals that go too far: beyond what models say of real images of the class.

python -m benchmarks.finished.too_far RUN --models runs/celeba/classifier/best.ckpt runs/celeba/oracle/best.ckpt

By pair of classes and result, over the searches that flipped: for each model the share of x′ with a logit margin above
that of 95 % of the real images that the model gives the target (of the split that is explained: 5 % would be as many as
there are of real ones), then the share that the certificate calls amber or red, and the mean grain.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.vaex_tables import data_of
from counterfactuals.goals.objectives import logit_margin
from lightning_modules import load_predictor
from metrics.intervals import share_interval
from networks.errors import InputError
from results.naming import column
from results.reader import Results

BEYOND = 0.95
NAMES = ("", "paper_control", "control")


@torch.no_grad()
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of explain runs")
    parser.add_argument("--models", nargs="+", required=True, help="checkpoints of classifiers")
    given = parser.parse_args(arguments)
    models = {Path(path).parent.name: load_predictor(path).eval() for path in given.models}
    print(f"| | n | {' | '.join(f'beyond real: {name}' for name in models)} | amber or red | grain |")
    print("|---" * (4 + len(models)) + "|")
    try:
        for folder in given.runs:
            run = Results(folder)
            data = data_of(folder)
            real = data.split(data.predict_split)
            images = real.__getitems__(list(range(len(real))))["x"]
            margins = {name: margins_by_class(model, images) for name, model in models.items()}
            for pair, rows in run.pairs():
                for name in NAMES:
                    if run.has(column(name, "counterfactual")):
                        flipped = rows[run.flipped(name)[rows]]
                        cells = [beyond(models[m], run, name, flipped, margins[m]) for m in models]
                        print(
                            f"| {pair}, {name or 'counterfactual'} | {len(flipped)} | {' | '.join(cells)} | "
                            f"{judged(run, name, flipped)} |"
                        )
    except InputError as error:
        parser.error(str(error))


def margins_by_class(model: nn.Module, x: Tensor) -> list[Tensor]:
    """Logit margins of the images that a model gives each class, K of them."""
    logits = torch.cat([model(part) for part in x.split(256)])
    said = logits.argmax(1)
    margin = logit_margin(logits, said)
    return [margin[said == c] for c in range(logits.shape[1])]


def beyond(model: nn.Module, run: Results, name: str, rows: np.ndarray, margins: list[Tensor]) -> str:
    """Share of x′ beyond 95 % of real images of the target class, with its interval."""
    x, target = run.tensor(column(name, "counterfactual"))[rows], torch.tensor(run.table["target"].to_numpy()[rows])
    margin = logit_margin(torch.cat([model(part) for part in x.split(256)]), target)
    limits = torch.stack([m.quantile(BEYOND) if len(m) else m.new_tensor(torch.inf) for m in margins])
    far = (margin > limits[target]).numpy().astype(float)
    low, high = share_interval(far)
    return f"{far.mean():.1%} ({low:.1%} – {high:.1%})"


def judged(run: Results, name: str, rows: np.ndarray) -> str:
    """Share that is not green, and the grain, where the run has them."""
    certificate, grain = (column(name, c) for c in ("certificate", "grain"))
    if certificate not in run.table:
        return "– | –"
    part = run.table.iloc[rows]
    far = f"{(part[certificate] != 'green').mean():.1%}"
    return f"{far} | {part[grain].mean():.2f}" if grain in part else f"{far} | –"


if __name__ == "__main__":
    main()
