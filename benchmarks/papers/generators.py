"""Generators beside each other, and how well and fast a GAN's are inverted.

python -m benchmarks.papers.generators --data datamodules.MNIST --root data --extractor runs/mnist/oracle/best.ckpt \
  --samples runs/mnist/{flow,flow_matching,vae,dcgan}/best.ckpt --invert runs/mnist/dcgan_inverter/best.ckpt

``--samples``: FID of so many samples (and of as many training images) against the test images, in the extractor's
features. ``--invert``: root mean square error of 64 validation images and milliseconds an image, by the encoder alone,
after some steps, and by Adam alone from a draw of the prior, whose steps are the measure of how much faster that is.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

import datamodules
from benchmarks.vaex_tables import embedded
from counterfactuals import Amortised, Optimised, WithResidual
from datamodules import DataModule
from lightning_modules import ClassifierModule, InverterModule, load
from lightning_modules.task import Task
from metrics import FrechetDistance
from networks.features import Features

IMAGES = 64
AT_ONCE = 250


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="datamodules.MNIST, say")
    parser.add_argument("--root", required=True)
    parser.add_argument("--extractor", help="checkpoint of a classifier")
    parser.add_argument("--samples", nargs="*", type=Path, default=[])
    parser.add_argument("--invert", nargs="*", type=Path, default=[])
    parser.add_argument("--n", type=int, default=1000, help="samples")
    given = parser.parse_args(arguments)
    data: DataModule = getattr(datamodules, given.data.rpartition(".")[2])(root=given.root)
    if given.samples:
        fids(data, Features(load(given.extractor, ClassifierModule).network), given.samples, given.n)
    for path in given.invert:
        inversions(path, images(data, "val", IMAGES))


def images(data: DataModule, name: str, n: int | None = None) -> Tensor:
    split = data.split(name)  # type: ignore[arg-type]
    return split.__getitems__(range(len(split) if n is None else n))["x"]


@torch.no_grad()
def fids(data: DataModule, features: Features, paths: Sequence[Path], n: int) -> None:
    distance = FrechetDistance(embedded(features, images(data, "test")))
    print(f"| {n} samples | FID | seconds |\n|---|---|---|")
    print(f"| training images | {distance(embedded(features, images(data, 'train', n))):.2f} | – |")
    for path in paths:
        task = load(path, Task).eval()
        torch.manual_seed(0)
        start = time.perf_counter()
        x = torch.cat([task.sample(min(AT_ONCE, n - i)) for i in range(0, n, AT_ONCE)]).clamp(0, 1)
        seconds = time.perf_counter() - start
        print(f"| {path.parent.name} | {distance(embedded(features, x)):.2f} | {seconds:.1f} |", flush=True)


def inversions(path: Path, x: Tensor) -> None:
    task = load(path, InverterModule).eval()
    encoder = task.encoder
    ways = {
        "encoder": Amortised(encoder, 0),
        **{f"encoder, {steps} steps": Amortised(encoder, steps) for steps in (20, 100)},
        **{f"Adam, {steps} steps": Optimised(steps, 1) for steps in (20, 100, 500, 2000)},
        "Adam, 500 steps, best of 4": Optimised(500, 4),
    }
    print(f"\n| {path.parent.name} | root mean square | milliseconds an image |\n|---|---|---|")
    for name, inversion in ways.items():
        start = time.perf_counter()
        z = inversion.encode(task.generator, x)
        seconds = time.perf_counter() - start
        with torch.no_grad():
            error = (task.generator(z) - x).flatten(1).square().mean(1).sqrt().mean()
        print(f"| {name} | {error:.4f} | {1e3 * seconds / len(x):.1f} |", flush=True)
    chart = WithResidual(task.chart())
    back = (chart.decode(chart.encode(x)) - x).abs().max()
    print(f"With the residual the largest error is {float(back):.1e}.")


if __name__ == "__main__":
    main()
