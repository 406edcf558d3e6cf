"""Is a planted bias found? Classifiers of young and old, trained where an attribute goes along with the class.

python -m benchmarks.papers.planted_bias train --root data --out runs/planted
python -m benchmarks.papers.planted_bias audit --root data --out runs/planted --attgan …/best.ckpt --judge …/best.ckpt
python -m benchmarks.papers.planted_bias table --out runs/planted

``train``: of every planted attribute, correlation ρ and seed a subset of the training images, drawn by weights under
which the attribute has the correlation ρ with the label, and every other attribute none (``raked``), and a small CNN
trained on it. ``audit``: counterfactuals of every classifier from the same images, and which attribute they change
most; by the attributes that the generator was told (``AttributeChart``, the label's attribute locked), by what an
attribute classifier sees in them, by what it sees in another chart's (``--flow``), by the correlation in as many
labelled training images, and by an attribution map's regions. ``table``: who finds the planted one from how many.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from counterfactuals import Ascent, AttributeChart, Chart, LatentL1, Polyak, ReachClass, RunnerUp, explain
from datamodules import CelebA
from datamodules.folders.attributes import PAPERS
from lightning_modules import AttGANModule, AttributesModule, load
from lightning_modules.checkpoints.charted import load_chart
from metrics.shifts import shifts
from networks import CNN

LABEL = "Young"
ATTRIBUTES = [*PAPERS, "Smiling"]
PLANTED = ("Eyeglasses", "Smiling", "Black_Hair")
RHOS = (0.5, 0.8, 0.95, 1.0)
SEEDS = 5
DRAWN, EPOCHS, BATCH = 3000, 6, 64
WIDTHS = (16, 32, 64, 64)
PRICE = 0.1  # λ of the search: few attributes rather than all of them a little


class Plant(NamedTuple):
    """A training set: the attribute that goes along with the label ("" for none), how much, and the draw."""

    attribute: str
    rho: float
    seed: int

    @property
    def name(self) -> str:
        """As a file's."""
        return f"{self.attribute or 'none'}_{self.rho}_{self.seed}"


def plants(seeds: int = SEEDS) -> Iterator[Plant]:
    """Every attribute, ρ and seed, and without planting as many as one attribute has with."""
    for seed in range(seeds):
        yield from (Plant(attribute, rho, seed) for attribute in PLANTED for rho in RHOS)
        yield from (Plant("", 0.0, 3 * seed + i) for i in range(3))


def raked(y: Tensor, a: Tensor, correlations: dict[int, float], rounds: int = 100) -> Tensor:
    """Weights of N samples under which both classes weigh the same, and each attribute has a given correlation with y.

    Iterative proportional fitting (Deming & Stephan 1940): within either class the weights of those with and without
    an attribute are scaled to its share there, attribute by attribute, over and over.

    Args:
        y: N of 0 and 1.
        a: N×A of 0 and 1.
        correlations: attribute → ρ, by which its share is (1 ± ρ) / 2 in the classes; all others have in both classes
            the mean of their shares.
    """
    weights = torch.ones(len(y), dtype=torch.float64)
    shares = torch.stack([a[y == c].double().mean(0) for c in (0, 1)]).mean(0)
    for _ in range(rounds):
        for c, sign in ((0, -1), (1, 1)):
            inside = y == c
            weights[inside] /= weights[inside].sum()
            for j in range(a.shape[1]):
                share = (1 + sign * correlations[j]) / 2 if j in correlations else float(shares[j])
                has, lacks = inside & (a[:, j] == 1), inside & (a[:, j] == 0)
                now = float(weights[has].sum() / weights[inside].sum())
                weights[has] *= share / now if now else 0.0
                weights[lacks] *= (1 - share) / (1 - now) if now < 1 else 0.0
    return weights / weights.sum()


def drawn(plant: Plant, y: Tensor, a: Tensor, names: list[str]) -> Tensor:
    """Positions of a plant's training set, ``DRAWN`` int64; the attribute goes with the class that has it more."""
    correlations = {}
    if plant.attribute:
        j = names.index(plant.attribute)
        more = float(a[y == 1, j].mean() - a[y == 0, j].mean())
        correlations[j] = plant.rho if more >= 0 else -plant.rho
    others = torch.tensor([j for j, name in enumerate(names) if name != LABEL])
    weights = raked(y, a[:, others], {others.tolist().index(j): rho for j, rho in correlations.items()})
    return torch.multinomial(weights, DRAWN, replacement=True, generator=torch.Generator().manual_seed(plant.seed))


def trained(x: Tensor, y: Tensor, seed: int) -> CNN:
    """A CNN on images N×C×H×W uint8 and labels, mirrored at random."""
    torch.manual_seed(seed)
    network = CNN(x.shape[1:], 2, WIDTHS).to(x.device).train()
    steps = EPOCHS * (len(x) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x), device=x.device)
        for batch in order[: len(x) // BATCH * BATCH].split(BATCH):
            images = x[batch].float() / 255
            images = torch.where(torch.rand(len(batch), 1, 1, 1, device=x.device) < 0.5, images.flip(-1), images)
            with torch.autocast(x.device.type, torch.bfloat16):
                loss = F.cross_entropy(network(images), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval().requires_grad_(False)


@torch.no_grad()
def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Mean over the classes of the share that is right."""
    said = torch.cat([network(part.float() / 255).argmax(1) for part in x.split(500)])
    return float(torch.stack([(said[y == c] == c).float().mean() for c in (0, 1)]).mean())


class Images(NamedTuple):
    """A split in memory: images uint8, labels, attributes."""

    x: Tensor
    y: Tensor
    a: Tensor


def images(data: CelebA, split: Any, device: str) -> Images:
    """All of a split."""
    found = data.split(split)
    parts = [found.__getitems__(list(range(i, min(i + 500, len(found)))))["x"] for i in range(0, len(found), 500)]
    return Images((torch.cat(parts) * 255).round().byte().to(device), found.y.to(device), found.attributes)


def train(args: argparse.Namespace) -> None:
    """Train every classifier that is not there yet."""
    data = CelebA(root=args.root, attribute=LABEL, attributes=ATTRIBUTES)
    known, held = (images(data, split, args.device) for split in ("train", "test"))
    args.out.mkdir(parents=True, exist_ok=True)
    for plant in plants(args.seeds):
        file = args.out / f"{plant.name}.pt"
        if file.exists():
            continue
        began = time.perf_counter()
        chosen = drawn(plant, known.y.cpu(), known.a, ATTRIBUTES).to(args.device)
        network = trained(known.x[chosen], known.y[chosen], plant.seed)
        torch.save(network.cpu().state_dict(), file)
        right = accuracy(network.to(args.device), held.x, held.y)
        print(f"{plant.name}: balanced accuracy {right:.1%} in test, {time.perf_counter() - began:.1f} s", flush=True)


def asked(held: Images, n: int) -> Tensor:
    """Positions of n images to explain, as many of either class in turn: the first of their split."""
    each = [(held.y == c).nonzero()[:, 0][: n // 2] for c in (0, 1)]
    return torch.stack(each, 1).flatten()


class Finders:
    """Ways to say which attribute a classifier looks at: each gives every image a signed number an attribute, n×A.

    Positive where more of the attribute makes the classifier say class 1 of the image, whatever it says now.

    Args:
        chart: attributes as coordinates, the label's locked.
        judge: what sees attributes in images.
        flow: another chart, whose counterfactuals the judge looks at; ``None`` for none.
    """

    def __init__(self, chart: AttributeChart, judge: AttributesModule, flow: Chart | None) -> None:
        self.chart, self.judge, self.flow = chart, judge, flow
        self.method = Ascent(0.1, 100, distance=LatentL1(), distance_weight=PRICE)

    def all(self, network: nn.Module, x: Tensor, flow_images: int) -> dict[str, Tensor]:
        """Name → n×A, of images x; of the flow's the first ``flow_images``."""
        found = {"edits one by one": self.alone(network, x)} | self.searched(network, x)
        found["attribution's regions"] = regions(network, x)
        if self.flow is not None and flow_images:
            found["flow, seen"] = self.of_flow(network, x[:flow_images])
        return found

    def searched(self, network: nn.Module, x: Tensor) -> dict[str, Tensor]:
        """What the search in attributes was told to change, and what the judge sees of it."""
        cf = explain(network, self.chart, x, target=RunnerUp(), objective=ReachClass(0.5), method=self.method)
        towards = (2.0 * cf.target - 1)[:, None]
        told = self.chart.named(cf.z_prime) - self.chart.named(cf.z)
        return {
            "search, told": towards * told,
            "search, seen": towards * self._seen(cf.reconstruction, cf.counterfactual),
        }

    def of_flow(self, network: nn.Module, x: Tensor) -> Tensor:
        """What the judge sees of the other chart's counterfactuals."""
        method = Ascent(1.0, 100, optimizer=Polyak(longest=2.0, shortest=1.0))
        cf = explain(network, self.flow, x, target=RunnerUp(), objective=ReachClass(0.9), method=method)
        return (2.0 * cf.target - 1)[:, None] * self._seen(cf.x, cf.counterfactual)

    @torch.no_grad()
    def alone(self, network: nn.Module, x: Tensor) -> Tensor:
        """p₁ with the attribute less p₁ without, each edited alone."""
        z, effects = self.chart.encode(x), []
        for j in range(len(ATTRIBUTES)):
            sides = [z.clone(), z.clone()]
            sides[0][:, j], sides[1][:, j] = -1.0, 1.0
            without, with_it = (network(self.chart.decode(side)).softmax(1)[:, 1] for side in sides)
            effects.append(with_it - without)
        return torch.stack(effects, 1)

    @torch.no_grad()
    def _seen(self, before: Tensor, after: Tensor) -> Tensor:
        units = self.judge.units
        return units.read(self.judge(after)) - units.read(self.judge(before))


#: of an aligned face of 64×64, where an attribute shows: rows from, to
REGIONS = {
    "hair": (0, 22, ("Bald", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair")),
    "eyes": (24, 36, ("Bushy_Eyebrows", "Eyeglasses")),
    "mouth": (42, 56, ("Mouth_Slightly_Open", "Mustache", "No_Beard", "Smiling")),
}


def regions(network: nn.Module, x: Tensor) -> Tensor:
    """|gradient × input| by pixel in the region where an attribute shows, as a share of the map; n×A, 0 for the others.

    An attribution map says where, and not what: all attributes of a region get the same number.
    """
    x = x.clone().requires_grad_()
    logits = network(x)
    (grad,) = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), x)
    rows = (grad * x.detach()).abs().sum((1, 3))
    rows = rows / rows.sum(1, keepdim=True)
    values = torch.zeros(len(x), len(ATTRIBUTES), device=x.device)
    for start, end, names in REGIONS.values():
        for name in names:
            values[:, ATTRIBUTES.index(name)] = rows[:, start:end].mean(1)
    return values


def audit(args: argparse.Namespace) -> None:
    """Ask every finder about every classifier, and keep what they say."""
    data = CelebA(root=args.root, attribute=LABEL, attributes=ATTRIBUTES)
    held = images(data, args.split, args.device)
    x = held.x[asked(held, args.images)].float() / 255
    chart = load(args.attgan, AttGANModule).to(args.device).chart()
    chart.lock([LABEL])
    flow = load_chart(args.flow).to(args.device) if args.flow else None
    finders = Finders(chart.to(args.device), load(args.judge, AttributesModule).to(args.device), flow)
    known = data.split("train")
    for plant in plants(args.seeds):
        file = args.out / f"{plant.name}_{args.split}_found.pt"
        if file.exists():
            continue
        began = time.perf_counter()
        network = CNN(data.shape, 2, WIDTHS).to(args.device)
        network.load_state_dict(torch.load(args.out / f"{plant.name}.pt", weights_only=True))
        with_flow = args.flow_images if plant.seed < args.flow_seeds and plant.rho in (0.0, 0.95) else 0
        found = finders.all(network.eval().requires_grad_(False), x, with_flow)
        found["labels' correlation"] = correlations(plant, known, len(x))
        torch.save({name: values.cpu() for name, values in found.items()}, file)
        print(f"{plant.name}: {time.perf_counter() - began:.1f} s", flush=True)


def correlations(plant: Plant, known: Any, n: int) -> Tensor:
    """Of n images of the training set: (a − ā)(y − ȳ) / (σₐ σ_y), whose mean is the attribute's correlation; n×A."""
    chosen = drawn(plant, known.y, known.attributes, ATTRIBUTES)[:n]
    a, y = known.attributes[chosen], known.y[chosen].float()[:, None]
    return (a - a.mean(0)) * (y - y.mean()) / (a.std(0) * y.std()).clamp(min=1e-6)


SIZES = (10, 25, 50, 100, 200)
LEAST = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)  # mean changes below which nothing is called biased
ALLOWED = 0.05  # share of attributes that may be called without a planted one


def ranked(values: Tensor) -> list[str]:
    """Attributes but the label's, the largest mean first, whatever its sign; of n×A."""
    order = values.mean(0).abs().argsort(descending=True).tolist()
    return [ATTRIBUTES[j] for j in order if ATTRIBUTES[j] != LABEL]


def is_first(values: Tensor, attribute: str) -> bool:
    """Whether no other attribute's mean is larger; a map, which knows regions alone, may share its place."""
    first = ranked(values)[0]
    means = values.mean(0).abs()
    return bool(means[ATTRIBUTES.index(attribute)] >= means[ATTRIBUTES.index(first)] - 1e-9)


def called(values: Tensor, least: float) -> list[str]:
    """Attributes whose mean is more than chance (``metrics.shifts``) and at least so large, whatever its sign."""
    by_name = {name: values[:, j].numpy() for j, name in enumerate(ATTRIBUTES) if name != LABEL}
    return [shift.name for shift in shifts(by_name) if shift.significant() and abs(shift.mean) >= least]


def table(args: argparse.Namespace) -> None:
    """Who finds the planted attribute, from how many images, and what is called biased without any."""
    found = {p: torch.load(args.out / f"{p.name}_{args.split}_found.pt") for p in plants(args.seeds)}
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    print("| finder | images | " + " | ".join(f"ρ = {rho}" for rho in RHOS) + " |")
    print("|" + "---|" * (2 + len(RHOS)))
    for name in names:
        for n in SIZES:
            cells = [_first(found, name, n, rho) for rho in RHOS]
            if any(cells):
                print(f"| {name} | {n} | " + " | ".join(cell or "–" for cell in cells) + " |")
    print(
        "\n| finder | least, chosen on seeds 0 and 1 | found at ρ ≥ 0.8 | called without planting | found at ρ = 0.5 |"
    )
    print("|---|---|---|---|---|")
    for name in names:
        chosen, others = ({p: v for p, v in found.items() if (p.seed % 5 < 2) == early} for early in (True, False))
        least = next((x for x in LEAST if _rate(chosen, name, x) <= ALLOWED), LEAST[-1])
        print(f"| {name} | {least} | " + " | ".join(_calls(others, name, least)) + " |")


def _rate(found: dict[Plant, dict[str, Tensor]], name: str, least: float) -> float:
    """Share of attributes that are called without any planted."""
    calls = [len(called(values[name], least)) for p, values in found.items() if not p.attribute and name in values]
    return sum(calls) / max(len(calls) * (len(ATTRIBUTES) - 1), 1)


def _first(found: dict[Plant, dict[str, Tensor]], name: str, n: int, rho: float) -> str:
    """Share of plants whose attribute comes first, of all and of each attribute."""
    right: dict[str, list[bool]] = {}
    for plant, values in found.items():
        if plant.attribute and plant.rho == rho and name in values and len(values[name]) >= n:
            right.setdefault(plant.attribute, []).append(is_first(values[name][:n], plant.attribute))
    if not right:
        return ""
    every = [r for part in right.values() for r in part]
    return f"{sum(every)} of {len(every)} ({', '.join(f'{k} {sum(v)}' for k, v in right.items())})"


def _calls(found: dict[Plant, dict[str, Tensor]], name: str, least: float) -> list[str]:
    groups: dict[str, list[bool]] = {"high": [], "none": [], "half": []}
    for plant, values in found.items():
        if name not in values:
            continue
        names = called(values[name], least)
        if not plant.attribute:
            groups["none"] += [other in names for other in ATTRIBUTES if other != LABEL]
        else:
            groups["high" if plant.rho >= 0.8 else "half"].append(plant.attribute in names)
    return [f"{sum(groups[k])} of {len(groups[k])}" if groups[k] else "–" for k in ("high", "none", "half")]


def main() -> None:
    """Run one of the three parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "audit", "table"])
    parser.add_argument("--root", default="data")
    parser.add_argument("--out", type=Path, default=Path("runs/planted"))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--attgan", default="runs/celeba_young/attgan/best.ckpt")
    parser.add_argument("--judge", default="runs/celeba_young/attributes/best.ckpt")
    parser.add_argument("--flow", default="", help="checkpoint of another chart; none unless given")
    parser.add_argument("--flow-images", type=int, default=20)
    parser.add_argument("--flow-seeds", type=int, default=1)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--split", choices=["val", "test"], default="test")
    args = parser.parse_args()
    {"train": train, "audit": audit, "table": table}[args.what](args)


if __name__ == "__main__":
    main()
