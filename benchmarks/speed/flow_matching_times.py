"""How wrong a velocity learned by flow matching is at each time, by the law that training draws its times from.

python benchmarks/speed/flow_matching_times.py [--seeds 3] [--steps 6000]

Data x₁ ~ N(m, diag(s²)) in the plane, noise x₀ ~ N(0, 1): then exactly
v(x, t) = m + (t s² − (1 − t)) / (t² s² + (1 − t)²) (x − t m).
An MLP learns it from pairs; printed is the root mean square error of v over x_t, mean and standard deviation over
seeds. Solvers stand at 0 and 1.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lightning_modules.flow_matching import times

MEAN, SCALE = torch.tensor([1.0, -0.5]), torch.tensor([0.5, 1.0])
AT = (0.0, 0.01, 0.5, 0.99, 1.0)
BATCH, MEASURED = 256, 20_000

LAWS: dict[str, Callable[[int], Tensor]] = {
    "logit-normal": lambda n: torch.randn(n).sigmoid(),
    "nine tenths logit-normal, one uniform (`times`)": lambda n: times(n, torch.device("cpu")),
    "uniform": torch.rand,
}


def pairs(n: int) -> tuple[Tensor, Tensor]:
    """Noise and data, n×2 each."""
    return torch.randn(n, 2), MEAN + SCALE * torch.randn(n, 2)


def velocity(x: Tensor, t: Tensor) -> Tensor:
    """The exact one, n×2, of x of n×2 and t of n×1."""
    return MEAN + (t * SCALE**2 - (1 - t)) / (t**2 * SCALE**2 + (1 - t) ** 2) * (x - t * MEAN)


def learned(law: Callable[[int], Tensor], steps: int) -> nn.Module:
    network = nn.Sequential(nn.Linear(3, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 2))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        (x0, x1), t = pairs(BATCH), law(BATCH)[:, None]
        loss = (network(torch.cat([torch.lerp(x0, x1, t), t], 1)) - (x1 - x0)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network


@torch.no_grad()
def errors(network: nn.Module) -> Tensor:
    """Root mean square error of v at every time of ``AT``."""
    found = []
    for at in AT:
        x0, x1 = pairs(MEASURED)
        t = torch.full((MEASURED, 1), at)
        x = torch.lerp(x0, x1, t)
        found.append((network(torch.cat([x, t], 1)) - velocity(x, t)).square().sum(1).mean().sqrt())
    return torch.stack(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6000)
    args = parser.parse_args()
    print("| times | " + " | ".join(f"t = {t:g}" for t in AT) + " |\n" + "|---" * (len(AT) + 1) + "|")
    for name, law in LAWS.items():
        found = []
        for seed in range(args.seeds):
            torch.manual_seed(seed)
            found.append(errors(learned(law, args.steps)))
        mean, spread = torch.stack(found).mean(0), torch.stack(found).std(0)
        cells = (f"{m:.3f} ± {s:.3f}" for m, s in zip(mean.tolist(), spread.tolist(), strict=True))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
