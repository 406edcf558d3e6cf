"""Seconds per image and step of the search against the one-image loop of the reference system.

python benchmarks/speed/engine_speed.py [--batch 8] [--steps 5] [--rounds 3]

The paper's Glow for 64×64 colour images (K = 32, L = 4, additive, width 512; random weights) and its
binary CNN. The loop explains one image at a time with gradients for all parameters, inverses computed anew,
and backward(). Both take the same number of steps and turns; then what share of the machine's
speed the engine's step reaches.
"""

import argparse
import statistics
import time
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from counterfactuals import Ascent, FlowChart, ReachClass
from counterfactuals.engine import Problem, run
from counterfactuals.freeze import frozen
from networks import CNN, ConvNet, Glow

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def models() -> tuple[nn.Module, Glow]:
    torch.manual_seed(0)
    flow = Glow([3, 64, 64], 32, 4, partial(ConvNet, width=512), affine=False, levels=32).to(DEVICE)
    flow.train()
    with torch.no_grad():
        flow(torch.rand(4, 3, 64, 64, device=DEVICE))  # sets ActNorm
    return CNN([3, 64, 64], 2, widths=[32, 64, 128, 256]).eval().to(DEVICE), flow.eval()


def loop(predictor: nn.Module, flow: Glow, x: Tensor, steps: int) -> None:
    """As the reference system does it: one image, every parameter asks for a gradient."""
    for image in x:
        z = flow(image[None]).z.detach().requires_grad_()
        optimizer = torch.optim.Adam([z], lr=5e-3)
        for _ in range(steps):
            optimizer.zero_grad()
            decoded = flow.inverse(z)
            decoded.data.clamp_(0, 1)
            F.cross_entropy(predictor(decoded), torch.tensor([1], device=x.device)).backward()
            optimizer.step()
    for network in (predictor, flow):
        network.zero_grad()


def engine(predictor: nn.Module, flow: Glow, x: Tensor, steps: int, bf16: bool = False) -> None:
    problem = Problem(predictor, FlowChart(flow), ReachClass(1 - 1e-9))
    with frozen(predictor, flow):
        target = 1 - predictor(x).argmax(1)  # none may be there already
        for _ in run(Ascent(5e-3, steps - 1, bf16=bf16), problem, x, target, slots=len(x)):
            pass


def seconds(contestant, *args) -> float:
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    contestant(*args)
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def matmul_flops() -> float:
    """FLOP/s of a large product."""
    n = 8192 if DEVICE == "cuda" else 2048
    a = torch.randn(n, n, device=DEVICE)
    a @ a
    return 2 * n**3 / min(seconds(torch.matmul, a, a) for _ in range(5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    predictor, flow = models()
    x = torch.rand(args.batch, 3, 64, 64, device=DEVICE)
    loop(predictor, flow, x[:1], 1)
    times: dict[str, list[float]] = {"loop": [], "engine": [], "bf16": []}
    for _ in range(args.rounds):
        times["loop"].append(seconds(loop, predictor, flow, x[:1], args.steps) / args.steps)
        for name in ("engine", "bf16"):
            times[name].append(seconds(engine, predictor, flow, x, args.steps, name == "bf16") / args.steps / len(x))
    one, many, rough = (statistics.median(times[name]) for name in ("loop", "engine", "bf16"))
    print(f"torch {torch.__version__}, {DEVICE}, {torch.get_num_threads()} threads")
    print(f"loop: {one:.3f} s per image and step; engine, {args.batch} slots: {many:.3f}; ratio {one / many:.2f}")
    print(f"the same with gradients in bfloat16: {rough:.3f}; ratio {one / rough:.2f}")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        predictor(flow.inverse(flow(x).z))
    with torch.no_grad(), FlopCounterMode(display=False) as encoding:
        flow(x)
    # The way back, for the inputs alone, multiplies as often as the way there.
    step = 2 * (counter.get_total_flops() - encoding.get_total_flops())
    alone = seconds(engine, predictor, flow, x, 4) - seconds(engine, predictor, flow, x, 2)
    peak = matmul_flops()
    print(
        f"a step of {args.batch}: {step / 1e9:.1f} GFLOP in {alone / 2:.2f} s, {step / (alone / 2) / 1e9:.1f} GFLOP/s, "
        f"{step / (alone / 2) / peak:.0%} of a large product's {peak / 1e9:.1f}"
    )


if __name__ == "__main__":
    main()
