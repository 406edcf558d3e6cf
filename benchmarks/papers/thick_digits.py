"""Strokes as coordinates: does an edit do what it is told, and is a classifier that goes by thickness found out?

python -m benchmarks.papers.thick_digits --root data --attgan runs/mnist/attgan/best.ckpt

First table: test digits told to have one standard deviation more of an attribute, and what is measured afterwards
(``datamodules.images.morphology``) of all of them, in standard deviations; beside it the digits' own reconstructions.

Second table: classifiers of 4 and 9, trained where thick strokes go along with 9 by a correlation ρ of the label with
"thicker than the median of its digit"; of each, test accuracy, how many test digits the search in strokes turns, the
mean signed change of every attribute towards 9 in standard deviations, and which comes first.
"""

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from counterfactuals import Ascent, AttributeChart, LatentL1, ReachClass, RunnerUp, explain
from datamodules import MNIST
from datamodules.base import Split
from datamodules.images.morphology import NAMES, measure
from lightning_modules import AttGANModule, load
from metrics.shifts import shifts
from networks import CNN

PAIR = (4, 9)
RHOS = (0.0, 0.5, 0.8, 0.95, 1.0)
DRAWN, EPOCHS, BATCH = 6000, 3, 64


def told(chart: AttributeChart, split: Split, n: int) -> None:
    """Print what every attribute does when another is told to grow by a standard deviation."""
    batch = split.__getitems__(list(range(n)))
    z, scale = chart.encode(batch["x"]), chart.units.scale
    before = measure(chart.decode(z).clamp(0, 1))
    error = (chart.decode(z) - batch["x"]).flatten(1).square().mean(1).sqrt().mean()
    print(f"reconstruction error {error:.3f}; attributes read off x, mean error in standard deviations: ", end="")
    off = _mean((chart.named(z) - batch["attributes"]).abs() / scale)
    print(", ".join(f"{name} {v:.2f}" for name, v in zip(NAMES, off, strict=True)))
    print("| told +1 σ of | " + " | ".join(NAMES) + " | digits |\n|" + "---|" * (len(NAMES) + 2))
    for j, name in enumerate(NAMES):
        moved = z.clone()
        moved[:, j] += 1
        inside = (chart.project(moved) == moved)[:, j]
        after = measure(chart.decode(moved).clamp(0, 1))
        change = ((after - before) / scale)[inside]
        print(f"| {name} | " + " | ".join(f"{v:+.2f}" for v in _mean(change)) + f" | {int(inside.sum())} |")


def _mean(values: Tensor) -> list[float]:
    return values.nanmean(0).tolist()


def drawn(split: Split, rho: float, seed: int) -> tuple[Tensor, Tensor]:
    """Images and labels 0 and 1 of ``PAIR``, half each, of which (1 ± ρ) / 2 are thicker than their digit's median."""
    generator, parts, labels = torch.Generator().manual_seed(seed), [], []
    for label, digit in enumerate(PAIR):
        positions = (split.y == digit).nonzero()[:, 0]
        assert split.attributes is not None
        thickness = split.attributes[positions, NAMES.index("thickness")]
        thick = thickness > thickness.median()
        share = (1 + (2 * label - 1) * rho) / 2
        weights = torch.where(thick, share / thick.sum(), (1 - share) / (~thick).sum())
        parts.append(positions[torch.multinomial(weights, DRAWN // 2, replacement=True, generator=generator)])
        labels.append(torch.full((DRAWN // 2,), label))
    return split.__getitems__(torch.cat(parts).tolist())["x"], torch.cat(labels)


def trained(x: Tensor, y: Tensor, seed: int) -> nn.Module:
    """A CNN of two classes."""
    torch.manual_seed(seed)
    network = CNN(x.shape[1:], 2, (16, 32, 32))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(network(x[batch]), y[batch]).backward()
            optimizer.step()
    return network.eval().requires_grad_(False)


def biased(chart: AttributeChart, data: MNIST, n: int, seeds: int) -> None:
    """Print, for every ρ and seed, what the search in strokes finds."""
    test = data.split("test")
    each = [(test.y == digit).nonzero()[:, 0][: n // 2] for digit in PAIR]
    x = test.__getitems__(torch.cat(each).tolist())["x"]
    y = torch.arange(2).repeat_interleave(n // 2)
    print("| ρ | seed | accuracy | turned | " + " | ".join(NAMES) + " | first |\n|" + "---|" * (len(NAMES) + 5))
    for rho in RHOS:
        for seed in range(seeds):
            network = trained(*drawn(data.split("train"), rho, seed), seed)
            with torch.no_grad():
                right = float((network(x).argmax(1) == y).float().mean())
            method = Ascent(0.1, 100, distance=LatentL1(), distance_weight=0.05)
            cf = explain(network, chart, x, target=RunnerUp(), objective=ReachClass(0.5), method=method)
            change = (2.0 * cf.target - 1)[:, None] * (cf.z_prime - cf.z)[:, : len(NAMES)]
            found = shifts({name: change[:, j].numpy() for j, name in enumerate(NAMES)})
            means = {shift.name: shift.mean for shift in found}
            turned = float(cf.flipped[cf.searched].float().mean())
            cells = " | ".join(f"{means[name]:+.2f}" for name in NAMES)
            print(f"| {rho} | {seed} | {right:.1%} | {turned:.1%} | {cells} | {found[0].name} |", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data")
    parser.add_argument("--attgan", default="runs/mnist/attgan/best.ckpt")
    parser.add_argument("--digits", type=int, default=1000)
    parser.add_argument("--explained", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    data = MNIST(root=args.root, attributes=list(NAMES))
    chart = load(args.attgan, AttGANModule).chart()
    with torch.no_grad():
        told(chart, data.split("test"), args.digits)
    biased(chart, data, args.explained, args.seeds)


if __name__ == "__main__":
    main()
