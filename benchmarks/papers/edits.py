"""What an AttGAN edits, and which of its edits an independent classifier sees.

python -m benchmarks.papers.edits --root data --out figures

Needs the runs of celeba_young/attgan, attributes and oracle. Of test faces, every attribute is changed alone to what it
is not, by the file's labels: how often the judge sees it afterwards, by how much its probability moves on average
towards what was told, the same among images that have the attribute's likely company (the half of the faces for which
the judge finds the edit likeliest), and how well the judge and the AttGAN's own classifier know the attribute in real
faces. Above it the reconstruction's error, and FID of reconstructions and edits in the second CNN's features.
``--out`` gets edits.png.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor
from torchvision.utils import make_grid, save_image

from callbacks.figures.edits import edits
from callbacks.measures.chart_quality import fid
from datamodules import CelebA
from lightning_modules import AttGANModule, AttributesModule, load, load_predictor
from networks.features import Features
from report.attributes import readable

PART = 50  # images at a time
SHOWN = 6


def main() -> None:
    """Print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data")
    parser.add_argument("--out", type=Path, default=Path("figures"))
    parser.add_argument("--runs", default="runs/celeba_young")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--split", choices=["val", "test"], default="test")
    args = parser.parse_args()
    attgan, judge = (
        load(f"{args.runs}/{name}/best.ckpt", kind).requires_grad_(False)
        for name, kind in (("attgan", AttGANModule), ("attributes", AttributesModule))
    )
    names = attgan.generator.units.names
    data = CelebA(root=args.root, attribute="Young", attributes=list(names))
    batch = data.split(args.split).__getitems__(list(range(args.images)))
    x, a = batch["x"], batch["attributes"]
    made = torch.cat([edits(attgan.generator, *part) for part in zip(x.split(PART), a.split(PART), strict=True)])
    features = Features(load_predictor(f"{args.runs}/oracle/best.ckpt"))
    back, order = made[:, 1], torch.arange(args.images) % len(names)
    edited = made[torch.arange(args.images), 2 + order]
    other = data.split("train").__getitems__(list(range(args.images)))["x"]
    error = float((back - x).flatten(1).square().mean(1).sqrt().mean())
    own = {n: fid(features, images, x) for n, images in (("reconstructions", back), ("edits", edited), ("real", other))}
    print(f"{args.images} {args.split} faces; reconstruction error {error:.4f}; FID of reconstructions ", end="")
    print(f"{own['reconstructions']:.2f}, of edits {own['edits']:.2f}, of as many training faces {own['real']:.2f}\n")
    table(judge, attgan, made, x, a)
    args.out.mkdir(parents=True, exist_ok=True)
    rows = made[:SHOWN].flatten(0, 1)
    save_image(make_grid(rows, nrow=made.shape[1], padding=1, pad_value=0.5), args.out / "edits.png")


def table(judge: AttributesModule, attgan: AttGANModule, made: Tensor, x: Tensor, a: Tensor) -> None:
    """Print a row an attribute, and their mean."""
    units, told = judge.units, 1 - a
    before = torch.cat([units.read(judge(part)) for part in made[:, 1].split(PART)])
    real = torch.cat([units.read(judge(part)) for part in x.split(PART)])
    seen = torch.cat([attgan.discriminator(part)[1] > 0 for part in x.split(PART)])
    print("| attribute | faces that have it | judge | own classifier | edits seen | mean shift | likelier half |")
    print("|" + "---|" * 7)
    rows: list[list[float]] = []
    for j, name in enumerate(units.names):
        after = torch.cat([units.read(judge(part))[:, j] for part in made[:, 2 + j].split(PART)])
        arrived = ((after > 0.5) == (told[:, j] > 0.5)).float()
        shift = (after - before[:, j]) * (2 * told[:, j] - 1)
        likely = ((before[:, j] - 0.5) * (2 * told[:, j] - 1)).argsort(descending=True)[: len(x) // 2]
        right = ((real[:, j] > 0.5) == (a[:, j] > 0.5)).float().mean()
        own = (seen[:, j] == (a[:, j] > 0.5)).float().mean()
        rows.append(
            [float(v) for v in (a[:, j].mean(), right, own, arrived.mean(), shift.mean(), arrived[likely].mean())]
        )
        print(f"| {readable(name)} | " + _cells(rows[-1]))
    print("| mean | " + _cells(torch.tensor(rows).mean(0).tolist()))


def _cells(row: list[float]) -> str:
    shares = [f"{v:.1%}" for v in row]
    shares[4] = f"{row[4]:+.2f}"
    return " | ".join(shares) + " |"


if __name__ == "__main__":
    main()
