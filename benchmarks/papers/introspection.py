"""The experiments of Liu et al. 2019 (IV.A): what nines become on their way to every other digit, and prototypes.

python -m benchmarks.papers.introspection --root data --out figures

Needs the runs of mnist/dcgan_10_inverter, classifier, oracle and svm. Three tables are printed, over the first so many
test nines that the classifier knows, each towards all other digits, and as many digits of every class:

- ``criticism``: the search in the latent space, the same with λ by bisection (``MinimalChange``), and in pixels: flips,
  the classifier's confidence, what the oracles say, the nearest training image's label before and after, ‖x′ − x‖₁.
- ``ways``: which third digit the classifier sees on the way to each target.
- ``prototypes`` (``Surer``, with the class itself as target): before and after.

``--out`` gets criticism.png (Fig. 1: a row a target, x to x′; last the adversarial example), prototypes.png (Fig. 2).
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.utils import save_image

from counterfactuals import (
    Ascent,
    Chart,
    Counterfactuals,
    EveryOther,
    MinimalChange,
    OwnClass,
    PixelChart,
    ReachClass,
    ReachMargin,
    Surer,
    explain,
)
from datamodules import MNIST
from lightning_modules import load_predictor
from lightning_modules.checkpoints.charted import load_chart
from metrics.realism.neighbours import Nearest

FRAMES = 9
EVERY = 2  # steps between two points of a way
DIGITS = 10


class Judges:
    """The explained classifier, other models, and the training images with their labels."""

    def __init__(self, models: dict[str, nn.Module], x: Tensor, y: Tensor) -> None:
        self.models, self.nearest, self.y = models, Nearest(x), y

    def row(self, x: Tensor, target: Tensor) -> dict[str, float]:
        """Shares of x (n images) that each model and the nearest training image give their target (n)."""
        said = {name: share(predicted(model, x) == target) for name, model in self.models.items()}
        near = self.nearest(x, 1)
        return said | {
            "neighbour": share(self.y[near.positions[:, 0]] == target),
            "distance to it": float(near.distances.mean()),
        }


def share(flags: Tensor) -> float:
    return float(flags.float().mean())


@torch.no_grad()
def predicted(model: nn.Module, x: Tensor) -> Tensor:
    return torch.cat([model(part) for part in x.split(512)]).argmax(1)


def criticism(classifier: nn.Module, charts: dict[str, Chart], x: Tensor, judges: Judges) -> dict[str, Counterfactuals]:
    """The three searches; prints their table."""
    methods = {
        "latent": (charts["latent"], Ascent(0.05, 200, keep_every=EVERY, extra_steps=20)),
        "latent, λ by bisection": (charts["latent"], MinimalChange(step_size=0.05, rounds=8, steps=40)),
        "pixels": (charts["pixels"], Ascent(0.01, 200, extra_steps=20)),
    }
    found, rows = {}, {}
    for name, (chart, method) in methods.items():
        cf = explain(classifier, chart, x, EveryOther(), method, ReachClass(0.9), levels=256)
        found[name] = cf
        away = (cf.counterfactual - cf.x).abs().flatten(1).sum(1)
        numbers = {"flips": share(cf.flipped), "confidence": float(cf.confidence.mean()), "L1": float(away.mean())}
        rows[name] = numbers | judges.row(cf.counterfactual, cf.target)
    rows["x, before"] = judges.row(found["latent"].x, found["latent"].target)
    print_table(rows)
    return found


def ways(classifier: nn.Module, cf: Counterfactuals) -> None:
    """What the classifier sees between x and x′, by target."""
    assert cf.path is not None
    print("\n| from 9 to | searches | pass through a third digit | through 0 | most often |\n|---|---|---|---|---|")
    for target in cf.target.unique().tolist():
        rows = ((cf.target == target) & cf.flipped).nonzero()[:, 0]
        thirds = [third_digits(classifier, cf.path[i], int(cf.source[i]), target) for i in rows.tolist()]
        seen = Counter(digit for digits in thirds for digit in digits)
        often = ", ".join(f"{digit}: {n / len(thirds):.0%}" for digit, n in seen.most_common(2))
        some, zero = (sum(flags) / max(len(thirds), 1) for flags in (map(bool, thirds), (0 in t for t in thirds)))
        print(f"| {target} | {len(thirds)} | {some:.0%} | {zero:.0%} | {often or '–'} |")


def third_digits(classifier: nn.Module, path: Tensor, source: int, target: int) -> set[int]:
    return set(predicted(classifier, path).tolist()) - {source, target}


def prototypes(classifier: nn.Module, chart: Chart, x: Tensor, judges: Judges) -> Counterfactuals:
    cf = explain(classifier, chart, x, OwnClass(), Surer(100, 0.1), ReachMargin(0.0), levels=256)
    rows = {}
    for name, images in (("x", cf.x), ("g(z₀)", cf.reconstruction), ("prototype", cf.counterfactual)):
        with torch.no_grad():
            top = classifier(images).topk(2).values
        away = (images - cf.x).abs().flatten(1).sum(1)
        numbers = {"margin": float((top[:, 0] - top[:, 1]).mean()), "L1": float(away.mean())}
        rows[name] = numbers | judges.row(images, cf.target)
    print()
    print_table(rows)
    return cf


def print_table(rows: dict[str, dict[str, float]]) -> None:
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    print(f"| | {' | '.join(columns)} |\n|{'---|' * (1 + len(columns))}")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(cell(column, row.get(column)) for column in columns)} |")


def cell(column: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if column in ("L1", "margin", "distance to it") else f"{value:.1%}"


def draw_criticism(found: dict[str, Counterfactuals], file: Path) -> None:
    """A row a target of the first nine whose ways all arrive: frames evenly along its way, and the pixels' result."""
    cf, pixels = found["latent"], found["pixels"]
    assert cf.path is not None
    each = DIGITS - 1
    whole = cf.flipped.view(-1, each).all(1).nonzero()
    first = each * int(whole[0]) if len(whole) else 0
    rows = []
    for i in range(first, first + each):
        along = torch.linspace(0, -(-int(cf.steps[i]) // EVERY), FRAMES).round().long()
        rows.append(torch.cat([cf.x[i : i + 1], cf.path[i, along], pixels.counterfactual[i : i + 1]]))
    save_image(torch.cat(rows), file, nrow=FRAMES + 2, padding=1, pad_value=0.5)


def draw_prototypes(cf: Counterfactuals, file: Path, n: int = 8) -> None:
    """Per digit a row of x and under it its prototypes."""
    rows = []
    for digit in range(DIGITS):
        own = (cf.source == digit).nonzero()[:n, 0]
        rows += [cf.x[own], cf.counterfactual[own]]
    save_image(torch.cat(rows), file, nrow=n, padding=1, pad_value=0.5)


def known(classifier: nn.Module, x: Tensor, y: Tensor, digit: int, n: int) -> Tensor:
    """The first n images of a digit that the classifier knows."""
    own = x[y == digit][: 2 * n]
    return own[predicted(classifier, own) == digit][:n]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="folder of MNIST")
    parser.add_argument("--runs", type=Path, default=Path("runs/mnist"))
    parser.add_argument("--out", type=Path, default=Path("figures"))
    parser.add_argument("--n", type=int, default=50, help="nines, and digits of every class")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    chart = load_chart(str(given.runs / "dcgan_10_inverter/best.ckpt")).eval()
    names = ("classifier", "oracle", "svm")
    models = {name: load_predictor(str(given.runs / name / "best.ckpt")).eval() for name in names}
    data = MNIST(root=given.root)
    (train, train_y), (test, test_y) = (images(data, split) for split in ("train", "test"))
    judges = Judges(models, train, train_y)
    nines = known(models["classifier"], test, test_y, 9, given.n)
    found = criticism(models["classifier"], {"latent": chart, "pixels": PixelChart(chart.shape)}, nines, judges)
    ways(models["classifier"], found["latent"])
    digits = torch.cat([known(models["classifier"], test, test_y, digit, given.n) for digit in range(DIGITS)])
    typical = prototypes(models["classifier"], chart, digits, judges)
    draw_criticism(found, given.out / "criticism.png")
    draw_prototypes(typical, given.out / "prototypes.png")


def images(data: MNIST, name: str) -> tuple[Tensor, Tensor]:
    split = data.split(name)
    return split.__getitems__(range(len(split)))["x"], torch.as_tensor(split.y)


if __name__ == "__main__":
    main()
