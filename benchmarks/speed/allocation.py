"""What it saves that the programs keep freed memory (``cli.allocation``), in steps of a small U-Net's training.

python -m benchmarks.speed.allocation

Both ways in turn, each in a process of its own; seconds of one thread, of which the kernel's are those that page
faults take.
"""

import os
import resource
import subprocess
import sys

import torch

from cli.allocation import keep_memory
from networks import UNet

STEPS, WARM_UP = 12, 3


def measure(kept: bool) -> None:
    """Prints seconds a step, those of them in the kernel, and the process's peak in MB."""
    if kept:
        keep_memory()
    torch.set_num_threads(1)
    network, x = UNet([3, 64, 64], widths=[16, 32, 64, 128]), torch.rand(32, 3, 64, 64)
    optimizer = torch.optim.Adam(network.parameters())
    for step in range(STEPS):
        if step == WARM_UP:
            begun = os.times()
        optimizer.zero_grad()
        network(x).sum().backward()
        optimizer.step()
    ended = os.times()
    user, system = ((b - a) / (STEPS - WARM_UP) for a, b in zip(begun[:2], ended[:2], strict=True))
    print(user + system, system, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main(rounds: int = 3) -> None:
    found: dict[str, list[list[float]]] = {"given back": [], "kept": []}
    for _ in range(rounds):
        for way, rows in found.items():
            command = [sys.executable, "-m", "benchmarks.speed.allocation", way]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rows.append([float(number) for number in said.split()])
    print("| freed memory is | seconds a step | of them in the kernel | peak, MB |\n|---|---|---|---|")
    for way, rows in found.items():
        seconds, kernel, peak = (sorted(column)[len(rows) // 2] for column in zip(*rows, strict=True))
        print(f"| {way} | {seconds:.3f} | {kernel / seconds:.0%} | {peak:,.0f} |")


if __name__ == "__main__":
    measure(sys.argv[1] == "kept") if sys.argv[1:] else main()
