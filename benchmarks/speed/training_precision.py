"""How long a training step takes in bfloat16, beside float32: ``python -m benchmarks.speed.training_precision``.

One step of the classifier and of the continuous flow's U-Net on 64×64 images in colour, forwards and backwards, with
the precisions in turn and the fastest of several rounds: a ratio, since machines are noisy.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from networks import CNN, VelocityUNet

ROUNDS, BATCH = 4, 64


def main() -> None:
    x, t = torch.rand(BATCH, 3, 64, 64), torch.rand(BATCH)
    cnn = CNN([3, 64, 64], 2, [32, 64, 128, 256])
    print("| network | float32: s | bf16-mixed: s | ratio |\n|---|---|---|---|")
    report("CNN 32-64-128-256", lambda: cnn(x))
    for widths in ([32, 48, 64], [64, 96, 128]):
        unet = VelocityUNet([3, 64, 64], widths)
        report(f"VelocityUNet {'-'.join(map(str, widths))}", lambda unet=unet: unet(x, t))


def report(name: str, forward: Callable[[], Tensor]) -> None:
    """One row of the table."""
    rounds = [(step(forward, bf16=False), step(forward, bf16=True)) for _ in range(ROUNDS)]
    float32, bf16 = (min(times) for times in zip(*rounds, strict=True))
    print(f"| {name} | {float32:.2f} | {bf16:.2f} | {bf16 / float32:.2f} |", flush=True)


def step(forward: Callable[[], Tensor], bf16: bool) -> float:
    """Seconds."""
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = forward().float().square().mean()
    loss.backward()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
