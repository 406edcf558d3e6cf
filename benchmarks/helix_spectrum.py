"""The trained helix flow's spectrum at the explained points, and its log-determinant beside Σ log σ.

python benchmarks/helix_spectrum.py runs/helix/flow/best.ckpt
"""

import sys

import torch

from datamodules import Helix
from lightning_modules import FlowModule, load
from metrics import spectrum


def main(checkpoint: str) -> None:
    x = Helix().split("test").x[:100]
    for dtype in (torch.float32, torch.float64):
        flow = load(checkpoint, FlowModule).flow.to(dtype)
        with torch.no_grad():
            z, log_det = flow(x.to(dtype))
            sigma = spectrum(flow.inverse, z).sigma
        error = (sigma.log().sum(1) + log_det).abs().max()
        ratio = sigma[:, 0] / sigma[:, 1]
        print(
            f"{dtype}: mean sigma {[round(float(s), 4) for s in sigma.mean(0)]}, "
            f"mean ratio {ratio.mean():.0f} (smallest {ratio.min():.0f}), |sum log sigma - log det| <= {error:.1e}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
