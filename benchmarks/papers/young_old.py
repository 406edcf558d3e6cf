"""The faces of Liu et al. 2019 (IV.B): criticisms and prototypes of young and old, in attributes with Young locked.

python -m benchmarks.papers.young_old --root data --out figures

Needs the runs of celeba_young/attgan, classifier, oracle and attributes. ``--out`` gets criticism.png (Fig. 3: a row a
face, on the way from young to old, and the five attributes that changed most) and prototypes.png (Fig. 4: old faces,
and what makes the classifier surer of them). Printed is, of as many test faces of either class as asked for, what
prototypes (``Surer``) change: the confidence and the second CNN's verdict, before and after, and attributes.
"""

import argparse
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from counterfactuals import (
    Ascent,
    AttributeChart,
    Counterfactuals,
    FixedTarget,
    LatentL1,
    OwnClass,
    ReachClass,
    ReachMargin,
    Surer,
    WithResidual,
    explain,
)
from datamodules import CelebA
from datamodules.folders.attributes import PAPERS
from lightning_modules import AttGANModule, load, load_predictor
from metrics.shifts import shifts
from report.attributes import readable

ATTRIBUTES = [*PAPERS, "Smiling"]
LABEL, OLD, YOUNG = "Young", 0, 1
FRAMES, SHOWN, TOP = 6, 4, 5
SURER = Surer(steps=60, step_size=0.2, distance=LatentL1(), back=0.1)


def told(chart: WithResidual, cf: Counterfactuals) -> Tensor:
    """Changes of the attributes, N×A."""
    return chart.named(cf.z_prime) - chart.named(cf.z)


def draw(chart: WithResidual, cf: Counterfactuals, confidence: list[str], file: Path) -> None:
    """A row a face: the way, and bars of the attributes that changed most."""
    path = cf.path
    frames = FRAMES if path is not None else 2
    figure = Figure(figsize=(1.3 * (frames + 2.4), 1.45 * len(cf)), layout="constrained")
    grid = figure.subplots(len(cf), frames + 1, squeeze=False, width_ratios=[1] * frames + [2.4])
    changes = told(chart, cf)
    for row, axes in enumerate(grid):
        if path is None:
            images = torch.stack([cf.x[row], cf.counterfactual[row]])
        else:
            last = max(int(cf.first_hit[row]), 1)
            images = path[row, torch.linspace(0, last, frames).round().long().clamp(max=path.shape[1] - 1)]
        for place, image in zip(axes, images, strict=False):
            place.imshow(image.clamp(0, 1).permute(1, 2, 0).numpy())
            place.axis("off")
        axes[frames - 1].set_title(confidence[row], fontsize=8)
        top = changes[row].abs().topk(TOP).indices.flip(0)
        values = changes[row, top].tolist()
        axes[-1].barh(
            [readable(ATTRIBUTES[j]) for j in top.tolist()],
            values,
            color=["#0f766e" if v > 0 else "#c2410c" for v in values],
        )
        axes[-1].set_xlim(-1.05, 1.05)
        axes[-1].set_xticks([-1, 0, 1])
        axes[-1].axvline(0, color="#888", linewidth=0.6)
        axes[-1].tick_params(labelsize=7)
    figure.savefig(file, dpi=110)


@torch.no_grad()
def certainty(network: nn.Module, x: Tensor, label: Tensor) -> Tensor:
    """Probabilities of a class a row, N."""
    return network(x).softmax(1).gather(1, label[:, None])[:, 0]


def prototypes(network: nn.Module, judge: nn.Module, chart: WithResidual, x: Tensor, label: int) -> Counterfactuals:
    """Print what makes the classifier surer of faces that it gives a class."""
    cf = explain(network, chart, x, target=OwnClass(), objective=ReachMargin(0.0), method=SURER)
    own = torch.full((len(x),), label)
    before, after = (certainty(network, images, own) for images in (cf.x, cf.counterfactual))
    said = [float((certainty(judge, images, own) > 0.5).float().mean()) for images in (cf.x, cf.counterfactual)]
    found = shifts({name: told(chart, cf)[:, j].numpy() for j, name in enumerate(ATTRIBUTES) if name != LABEL})
    top = ", ".join(f"{readable(s.name)} {s.mean:+.2f}" for s in found[:TOP])
    print(
        f"| {'old' if label == OLD else 'young'} | {len(x)} | {before.mean():.3f} → {after.mean():.3f} | "
        f"{said[0]:.1%} → {said[1]:.1%} | {top} |"
    )
    return cf


def main() -> None:
    """Print the table and draw both pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data")
    parser.add_argument("--out", type=Path, default=Path("figures"))
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--runs", default="runs/celeba_young")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    data = CelebA(root=args.root, attribute=LABEL, attributes=ATTRIBUTES)
    network, judge = (load_predictor(f"{args.runs}/{name}/best.ckpt").eval() for name in ("classifier", "oracle"))
    for model in (network, judge):
        model.requires_grad_(False)
    inner: AttributeChart = load(f"{args.runs}/attgan/best.ckpt", AttGANModule).chart()
    chart = WithResidual(inner)
    chart.lock([LABEL])
    chart.eval().requires_grad_(False)
    split = data.split("test")
    x = split.__getitems__(list(range(min(len(split), 600))))["x"]
    said, y = network(x).argmax(1), split.y[: len(x)]
    known = {label: x[(said == label) & (y == label)][: args.images] for label in (OLD, YOUNG)}
    method = Ascent(0.1, 200, keep_every=1, distance=LatentL1(), distance_weight=0.1)
    cf = explain(network, chart, known[YOUNG][: 3 * SHOWN], FixedTarget(OLD), objective=ReachClass(0.5), method=method)
    shown = cf.take(cf.flipped.nonzero()[:SHOWN, 0])
    draw(chart, shown, [f"old {p:.2f}" for p in shown.confidence.tolist()], args.out / "criticism.png")
    print("| class | faces | confidence | second CNN agrees | attributes that change most |\n|---|---|---|---|---|")
    for label, faces in known.items():
        sure = prototypes(network, judge, chart, faces, label)
        if label == OLD:
            after = certainty(network, sure.counterfactual, torch.full((len(faces),), OLD))
            before = certainty(network, sure.x, torch.full((len(faces),), OLD))
            words = [f"old {a:.2f} → {b:.2f}" for a, b in zip(before.tolist(), after.tolist(), strict=True)]
            draw(chart, sure.take(torch.arange(SHOWN)), words[:SHOWN], args.out / "prototypes.png")


if __name__ == "__main__":
    main()
