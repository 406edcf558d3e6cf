"""Memory and time of training with activations rebuilt through the inverse, against depth.

python benchmarks/speed/recompute_memory.py

Memory is what autograd holds between the forward and the backward pass of one batch, weights
excluded, counted by its own hooks, and so the same on any machine. (During the backward pass
recomputation holds the activations of one layer beside it.) Time is the median of three steps.
"""

import statistics
import time
from functools import partial

import torch
from torch import Tensor

from networks import ConvNet, Glow

BATCH, DEPTHS = 16, (4, 8, 16, 32)


def measure(depth: int, recompute: bool) -> tuple[float, float]:
    """MiB held for the backward pass, and seconds of one training step."""
    flow = Glow([1, 32, 32], depth, 2, partial(ConvNet, width=32), alpha=0.05, recompute=recompute).train()
    x = torch.rand(BATCH, 1, 32, 32)
    flow(x)  # initialises ActNorm
    weights = {p.untyped_storage().data_ptr() for p in flow.parameters()}
    held: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in weights:
            held[storage.data_ptr()] = storage.nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        loss = -flow.log_prob(x).mean()
    loss.backward()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        (-flow.log_prob(x).mean()).backward()
        times.append(time.perf_counter() - start)
    return sum(held.values()) / 2**20, statistics.median(times)


def main() -> None:
    print(f"Glow 32×32, L = 2, width 32, batch {BATCH}; torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| K | stored: MiB | recomputed: MiB | memory ratio | recomputed / stored time |")
    print("|---|---|---|---|---|")
    for depth in DEPTHS:
        (memory, seconds), (memory_again, seconds_again) = (measure(depth, recompute) for recompute in (False, True))
        print(
            f"| {depth} | {memory:.1f} | {memory_again:.1f} | {memory / memory_again:.1f} "
            f"| {seconds_again / seconds:.2f} |"
        )


if __name__ == "__main__":
    main()
