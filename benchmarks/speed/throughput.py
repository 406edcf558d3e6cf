"""Images per second of a training through train.py's parts, against the same model in a plain loop.

python benchmarks/speed/throughput.py --data.root FOLDER-OF-MNIST

Both train configs/mnist/flow.yaml's Glow on the same batches, and take turns; ratios are of the medians.
"""

import statistics
import sys
import time
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn

from callbacks import EMA
from datamodules import MNIST
from lightning_modules import FlowModule
from metrics import bits_per_dim
from networks import Glow, ResNet
from networks.flows import dequantize

STEPS, ROUNDS, BATCH = 12, 5, 128


class Clock(pl.Callback):
    """Seconds after the second training batch: the first sets ActNorm, the second compiles."""

    seconds = 0.0

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 1:
            self.start = time.perf_counter()
        if batch_idx:
            self.seconds = time.perf_counter() - self.start


def glow() -> Glow:
    torch.manual_seed(0)
    return Glow([1, 28, 28], 8, 2, partial(ResNet, width=32, num_blocks=1), marginal_bins=16)


def framework(data: MNIST, callbacks: list[pl.Callback], compiled: bool = False) -> float:
    clock = Clock()
    trainer = pl.Trainer(
        max_steps=STEPS + 2,
        gradient_clip_val=100,
        callbacks=[*callbacks, clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
        accelerator="auto",
        devices=1,
    )
    trainer.fit(FlowModule(glow(), optimizer=partial(torch.optim.Adam, lr=1e-3), compiled=compiled), datamodule=data)
    return BATCH * STEPS / clock.seconds


def plain(data: MNIST, compiled: bool = False) -> float:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    flow = glow().train().to(device)
    log_prob: Any = torch.compile(flow.log_prob) if compiled else flow.log_prob
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    if compiled:
        flow.log_prob(next(iter(data.train_dataloader()))["x"].to(device))  # ActNorm's first batch is not compiled
    start = 0.0
    for i, batch in zip(range(STEPS + 2), data.train_dataloader(), strict=False):
        loss = bits_per_dim(log_prob(dequantize(batch["x"].to(device), 256)), 784, 256).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 100)
        optimizer.step()
        if i == 1:
            start = time.perf_counter()
    if device == "cuda":
        torch.cuda.synchronize()
    return BATCH * STEPS / (time.perf_counter() - start)


def main(args: list[str]) -> None:
    root = args[args.index("--data.root") + 1] if "--data.root" in args else "data"
    data = MNIST(root=root, batch_size=BATCH)
    data.setup()
    contestants = {
        "plain PyTorch": lambda: plain(data),
        "train.py": lambda: framework(data, []),
        "train.py with EMA": lambda: framework(data, [EMA()]),
    }
    if "--compile" in args:
        contestants["plain PyTorch, torch.compile"] = lambda: plain(data, compiled=True)
        contestants["train.py, compiled: true"] = lambda: framework(data, [], compiled=True)
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            rates[name].append(contestant())
    base = statistics.median(rates["plain PyTorch"])
    for name, values in rates.items():
        print(f"{name}: {statistics.median(values):.0f} images/s, {statistics.median(values) / base:.3f} of plain")


if __name__ == "__main__":
    main(sys.argv[1:])
