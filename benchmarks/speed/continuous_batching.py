"""Continuous batching against plain batches, and stepping rules against each other, on MNIST.

python benchmarks/speed/continuous_batching.py runs/mnist --data.root FOLDER-OF-MNIST [--images 512] [--slots 64]

runs/mnist holds classifier/, flow/, svm/ and oracle/ with best.ckpt each. Plain batches keep every row until
the slowest one of its batch has ended, masked; the same method, batches as large as the slots, same images.
"""

import argparse
import time

import torch
from torch import Tensor, nn

from counterfactuals import Adam, Ascent, Chart, Momentum, Polyak, ReachClass, RowOptimizer
from counterfactuals.engine import Problem, run
from counterfactuals.freeze import frozen
from datamodules import MNIST
from lightning_modules import ClassifierModule, FlowModule, load


class Counted(nn.Module):
    """A chart that counts the rows that it decodes for a gradient."""

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self.chart, self.rows = chart, 0
        self.encode = chart.encode

    def decode(self, z: Tensor) -> Tensor:
        self.rows += len(z) if z.requires_grad else 0
        return self.chart.decode(z)


def plain(method: Ascent, problem: Problem, x: Tensor, target: Tensor, slots: int) -> None:
    for part, t in zip(x.split(slots), target.split(slots), strict=True):
        state, done = method.start(problem, part, t)
        while not done.all():
            state, ended = method.step(problem, state)
            done = done | ended


def batching(problem: Problem, x: Tensor, target: Tensor, slots: int) -> None:
    method = Ascent(0.5, 300, optimizer=Momentum())
    counted: list[tuple[str, int, float]] = []
    needed = 0
    for name in ("continuous", "plain, masked"):
        problem.chart.rows, start = 0, time.perf_counter()
        if name == "continuous":
            needed = sum(int((f.counterfactuals.steps + 1).sum()) for f in run(method, problem, x, target, slots))
        else:
            plain(method, problem, x, target, slots)
        counted.append((name, problem.chart.rows, time.perf_counter() - start))
    print("| | decodes / needed | seconds |\n|---|---|---|")
    for name, rows, seconds in counted:
        print(f"| {name} | {rows / needed:.3f} | {seconds:.1f} |")
    print(f"wall-clock: {counted[1][2] / counted[0][2]:.2f} times as fast\n")


def rules(problem: Problem, x: Tensor, target: Tensor, slots: int, oracles: dict[str, nn.Module]) -> None:
    contestants: dict[str, tuple[float, RowOptimizer, int]] = {
        "Adam, 0.05 (the paper's)": (0.05, Adam(), 0),
        "Momentum, 0.2": (0.2, Momentum(), 0),
        "Momentum, 0.5": (0.5, Momentum(), 0),
        "Polyak, at most 1": (1.0, Polyak(longest=1.0), 0),
        "Polyak, at most 2": (1.0, Polyak(longest=2.0), 0),
        "Polyak, at most 2, 2 extra steps of 1": (1.0, Polyak(longest=2.0, shortest=1.0), 2),
        "Polyak, at most 2, 4 extra steps of 1": (1.0, Polyak(longest=2.0, shortest=1.0), 4),
    }
    print("| steps | flips | mean decodes | median | ‖z′ − z‖ | " + " | ".join(f"{o} agrees" for o in oracles) + " |")
    print("|---" * (5 + len(oracles)) + "|")
    for name, (size, optimizer, extra) in contestants.items():
        method = Ascent(size, 1000, optimizer=optimizer, extra_steps=extra)
        found = [f.counterfactuals for f in run(method, problem, x, target, slots)]
        cf = type(found[0]).join(found)
        searched = cf.searched
        decodes = (cf.steps[searched] + 1).float()
        with torch.no_grad():
            agree = [(o(cf.counterfactual).argmax(1) == cf.target)[cf.flipped].float().mean() for o in oracles.values()]
        print(
            f"| {name} | {cf.flipped[searched].float().mean():.1%} | {decodes.mean():.1f} | {decodes.median():.0f} | "
            f"{(cf.z_prime - cf.z)[cf.flipped].norm(dim=1).mean():.1f} | "
            + " | ".join(f"{a:.1%}" for a in agree)
            + " |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs")
    parser.add_argument("--data.root", dest="root", default="data")
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--slots", type=int, default=64)
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x = MNIST(root=args.root).split("test").__getitems__(range(args.images))["x"].to(device)
    networks = {
        name: load(f"{args.runs}/{name}/best.ckpt", ClassifierModule).network.eval().to(device)
        for name in ("classifier", "svm", "oracle")
    }
    chart = Counted(load(f"{args.runs}/flow/best.ckpt", FlowModule).chart().to(device))
    predictor = networks.pop("classifier")
    problem = Problem(predictor, chart, ReachClass(0.99))  # type: ignore[arg-type]  # a chart in all that is used
    with frozen(predictor, chart):
        target = predictor(x).topk(2, dim=1).indices[:, 1]
        print(
            f"torch {torch.__version__}, {device}, {torch.get_num_threads()} threads; {args.images} images, runner-up\n"
        )
        batching(problem, x, target, args.slots)
        rules(problem, x, target, args.slots, networks)


if __name__ == "__main__":
    main()
