"""The tables of *Hierarchical Variational Autoencoders for Visual Counterfactuals* for trained VAEXs.

python -m benchmarks.vaex_tables --extractor runs/image_folder/oracle/best.ckpt \
  runs/image_folder/vaex:runs/image_folder/explain_vaex runs/image_folder/vaex_cat:runs/image_folder/explain_vaex_cat

Each argument is a training (tested, see train.py test) and an explain run of ``Relaxation`` on it, with r = 0 in its
grid. Table II is measured against validation images of the run's own data, which nothing was trained on, in the
extractor's features: FIDs are to be compared within the table alone.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor

import datamodules
from datamodules import DataModule
from lightning_modules import ClassifierModule, load
from metrics import FrechetDistance
from networks.features import Features

PUBLISHED = {
    "VAEX": ("−103610", "732.5", "0.0010", "5.03", "48.1", "66.0", (13.9, 71.4, 96.1, 99.4, 99.8, 100.0)),
    "VAEXcat": ("−104155", "746.9", "0.0010", "5.01", "49.6", "66.4", (9.8, 54.4, 87.7, 96.9, 99.0, 99.6)),
}
GRID = (1.0, 0.8, 0.6, 0.4, 0.2, 0.0)


@torch.no_grad()
def embedded(features: Features, x: Tensor) -> Tensor:
    return torch.cat([features(part) for part in x.split(256)])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="TRAINING:EXPLAIN")
    parser.add_argument("--extractor", required=True)
    args = parser.parse_args(arguments)
    runs = [tuple(map(Path, run.split(":"))) for run in args.runs]
    data = data_of(runs[0][1])
    split = data.split("val")
    real = split.__getitems__(range(len(split)))["x"]
    features = Features(load(args.extractor, ClassifierModule).network)
    distance = FrechetDistance(embedded(features, real))
    print("| | NLL | KL | MSE | bits/dim | FID of reconstructions | FID at r = 0 |\n|---|---|---|---|---|---|---|")
    for training, explained in runs:
        tested = pd.read_csv(training / "csv" / "test" / "metrics.csv").iloc[-1]
        tensors, summary = load_file(explained / "counterfactuals.safetensors"), summary_of(explained)
        relaxed = tensors["path"][:, summary["relaxation_grid"]["r"].index(0.0)]
        fids = [float(distance(embedded(features, x))) for x in (tensors["reconstruction"], relaxed)]
        numbers = [f"{tested[f'test/{key}']:.4g}" for key in ("nll", "kl", "mse", "bpd")]
        print(f"| {training.name} | " + " | ".join([*numbers, *(f"{fid:.3f}" for fid in fids)]) + " |")
    for name, (*numbers, _) in PUBLISHED.items():
        print(f"| published {name} (CelebA, 129×129) | " + " | ".join(numbers) + " |")
    print(f"\nFID of as many training images: {float(distance(embedded(features, some_training(data, real)))):.3f}")
    print("\n| success by r | " + " | ".join(f"{r:g}" for r in GRID) + " |\n" + "|---" * (1 + len(GRID)) + "|")
    for _, explained in runs:
        relaxation = summary_of(explained)["relaxation_grid"]
        for judge, shares in relaxation["share"].items():
            by_r = dict(zip(relaxation["r"], shares, strict=True))
            print(f"| {explained.name}, {judge} | " + " | ".join(f"{100 * by_r[r]:.1f}" for r in GRID) + " |")
    for name, (*_, shares) in PUBLISHED.items():
        print(f"| published {name} | " + " | ".join(f"{share:.1f}" for share in shares) + " |")


def summary_of(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text())


def data_of(folder: Path) -> DataModule:
    """The data that an explain run has explained."""
    given = yaml.safe_load((folder / "config.yaml").read_text())["data"]
    return getattr(datamodules, given["class_path"].removeprefix("datamodules."))(**given["init_args"])


def some_training(data: DataModule, real: Tensor) -> Tensor:
    """As many training images as there are real ones: what chance leaves of a distance."""
    train = data.split("train")
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[: len(real)]
    return train.__getitems__(chosen.tolist())["x"]


if __name__ == "__main__":
    main()
