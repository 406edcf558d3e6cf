"""Exact against randomised spectra: agreement on a trained flow, and time against dimension.

python benchmarks/speed/spectrum_time.py runs/mnist/flow/best.ckpt --data.root FOLDER-OF-MNIST [--sizes 784 4096 12288]

Agreement: 10 test images of MNIST, in float64. Time: one point of a Glow (K = 4, L = 2, width 32) of each size.
"""

import argparse
import time
from functools import partial

import torch

from datamodules import MNIST
from lightning_modules import FlowModule, load
from metrics import jacobian, leading_spectrum, smallest_sigma, spectrum
from networks import ConvNet, Flow, Glow

SHAPES = {784: (1, 28, 28), 4096: (1, 64, 64), 12288: (3, 64, 64)}


def agreement(flow: Flow, x: torch.Tensor) -> None:
    z, log_det = flow(x)
    exact = spectrum(flow.inverse, z)
    for passes in (0, 1, 2, 3):
        fast = leading_spectrum(flow.inverse, z, 32, passes=passes, seeds=range(len(z))).sigma
        small = smallest_sigma(lambda v: flow(v).z, x, 32, passes=passes, seeds=range(len(z)))
        print(
            f"{passes} passes: errors up to {(fast / exact.sigma[:, :32] - 1).abs().max():.1e} in the top 32, "
            f"{(small / exact.sigma[:, -32:] - 1).abs().max():.1e} in the bottom 32"
        )
    print(f"|sum log sigma + log det| <= {(exact.sigma.log().sum(1) + log_det).abs().max():.1e} nats")


def timed(dim: int) -> None:
    flow = Glow(SHAPES[dim], 4, 2, partial(ConvNet, width=32), marginal_bins=16)
    x = torch.rand(1, *SHAPES[dim])
    flow.train()(torch.rand(16, *SHAPES[dim]))
    flow.eval().requires_grad_(False)
    z = flow(x).z
    start = time.perf_counter()
    leading_spectrum(flow.inverse, z, 32, seeds=[0])
    randomised = time.perf_counter() - start
    print(f"| {dim} | {randomised:.2f} |", end="", flush=True)  # the exact one may take long
    start = time.perf_counter()
    j = jacobian(flow.inverse, z, chunk_size=512)
    rows = time.perf_counter() - start
    torch.linalg.svdvals(j)
    exact = time.perf_counter() - start
    print(
        f" {rows:.1f} | {exact - rows:.1f} | {exact:.1f} | {exact / randomised:.0f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("--data.root", dest="root", default="data")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SHAPES), choices=SHAPES)
    args = parser.parse_args()
    with torch.no_grad():
        flow = load(args.checkpoint, FlowModule).flow.requires_grad_(False).double()
        agreement(flow, MNIST(root=args.root).split("test").__getitems__(range(10))["x"].double())
        print(f"\ntorch {torch.__version__}, {torch.get_num_threads()} threads; seconds for one point\n")
        print("| D | randomised, top 32 | Jacobian | SVD | exact | exact / randomised |\n|---|---|---|---|---|---|")
        for dim in args.sizes:
            timed(dim)


if __name__ == "__main__":
    main()
