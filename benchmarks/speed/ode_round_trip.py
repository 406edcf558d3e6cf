"""How exactly a continuous flow gives images back, by solver and number of steps.

python benchmarks/speed/ode_round_trip.py runs/mnist/flow_matching/best.ckpt [--root data] [--images 64]
"""

import argparse
import time

import torch

from datamodules import MNIST
from lightning_modules import FlowMatchingModule, load
from networks import RK4, Adaptive, ContinuousFlow, Midpoint


class Counting:
    """A solver that counts the evaluations of the field."""

    def __init__(self, solver) -> None:
        self.solver, self.evaluations = solver, 0

    def integrate(self, field, y, times):
        def counted(y, t):
            self.evaluations += 1
            return field(y, t)

        return self.solver.integrate(counted, y, times)


def row(flow: ContinuousFlow, x: torch.Tensor, name: str) -> None:
    start = time.perf_counter()
    error, solver = flow.reconstruction_error(x), flow.solver
    print(f"| {name} | {solver.evaluations // 2} | {error:.1e} | {time.perf_counter() - start:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("--root", default="data")
    parser.add_argument("--images", type=int, default=64)
    args = parser.parse_args()
    flow = load(args.checkpoint, FlowMatchingModule).flow.eval()
    x = MNIST(args.root).split("test").__getitems__(range(args.images))["x"]
    print("| solver | evaluations one way | root mean square of decode(encode(x)) − x | seconds |\n|---|---|---|---|")
    for solver, numbers in ((Midpoint(), (2, 4, 8, 16, 32)), (RK4(), (2, 4, 8, 16))):
        for steps in numbers:
            flow.steps.fill_(steps)
            flow.solver = Counting(solver)
            row(flow, x, f"{type(solver).__name__}, {steps} steps")
    for tolerance in (1e-2, 1e-3, 1e-4):
        flow.solver = Counting(Adaptive(tolerance, tolerance))
        row(flow, x, f"Adaptive, tolerance {tolerance:g}")


if __name__ == "__main__":
    main()
