"""A finished run's folder with every column that a run may leave, made up in a second."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor

from results.summary import FORMAT

SHARES = ("neighbours", "log_q", "z_norm", "p_manifold", "tangent_share", "changed", "ssim")
SIZES = ("l1_x", "cout", "feature_distance", "im1", "im2", "chart_error", "reconstruction_error", "seconds")


def blobs(centre: Tensor, size: int, channels: int) -> Tensor:
    """N×2 centres in [0, 1] → images N×C×H×W of one soft ring each."""
    at = torch.linspace(0, 1, size)
    r = ((at[None, :, None] - centre[:, :1, None]) ** 2 + (at[None, None] - centre[:, 1:, None]) ** 2).sqrt()
    rings = torch.exp(-(((r - 0.2) / 0.06) ** 2))[:, None]
    return rings * torch.linspace(1, 0.6, channels)[None, :, None, None]


def write_run(
    folder: Path,
    n: int = 5000,
    size: int = 28,
    channels: int = 1,
    classes: int = 10,
    others: tuple[str, ...] = (),
    texture: float = 0.0,
    path: int = 0,
) -> Path:
    """Write summary, table, tensors and neighbours.

    Args:
        texture: noise on all images; 1 leaves nothing that compresses.
        path: frames of each search; 0 keeps none.
    """
    folder.mkdir(parents=True)
    rng, seed = np.random.default_rng(0), torch.Generator().manual_seed(0)
    results = ("", *others, "control")
    source = rng.integers(0, classes, n)
    target = (source + rng.integers(1, classes, n)) % classes
    centre = torch.from_numpy(np.stack([0.3 + 0.4 * source / classes, 0.3 + 0.4 * rng.random(n)], 1)).float()
    noisy = lambda x: (x + texture * torch.rand(x.shape, generator=seed)).clamp(0, 1)  # noqa: E731
    x = noisy(blobs(centre, size, channels))
    moved = centre + torch.from_numpy(np.stack([0.4 * (target - source) / classes, np.zeros(n)], 1)).float()
    made = {"": noisy(blobs(moved, size, channels))}
    made["control"] = (x + 0.06 * torch.randn(x.shape, generator=seed)).clamp(0, 1)
    made |= {name: noisy(blobs((centre + moved) / 2, size, channels)) for name in others}

    table: dict[str, Any] = {"index": np.arange(n), "number": np.zeros(n, int), "label": source, "source": source}
    table |= {"target": target, "confidence_before": rng.random(n).astype("float32") * 0.1}
    summary: dict[str, Any] = {"format": FORMAT, "n": n, "others": {name: {} for name in others}, "control": {}}
    numbers = {"": summary, "control": summary["control"], **summary["others"]}
    for name in results:
        prefix = f"{name}_" if name else ""
        good = 0.9 if not name else 0.3
        status = rng.choice(["flipped", "timeout", "failed", "already_target"], n, p=[0.93, 0.04, 0.02, 0.01])
        flipped, searched = status == "flipped", status != "already_target"
        certificate = rng.choice(["green", "amber", "red"], n, p=[0.7 * good, 0.2, 0.8 - 0.7 * good])
        own = {
            "status": status,
            "prediction": np.where(flipped, target, source),
            "confidence": (0.99 + 0.01 * rng.random(n)).astype("float32") * np.where(flipped, 1, 0.5),
            "steps": rng.integers(1, 200, n),
            "l2_x": (made[name] - x).flatten(1).norm(dim=1).numpy(),
            "l2_z": rng.gamma(9, 1 if not name else 4, n),
            "reason": np.where(status == "failed", "the chart's numbers are not finite", ""),
            "margin": rng.uniform(0.9, 1, n),
            "oracle_svm": np.where(rng.random(n) < good, target, source),
            "oracle_cnn": np.where(rng.random(n) < good, target, source),
            **{key: rng.beta(5, 2, n) if not name else rng.beta(2, 5, n) for key in SHARES},
            **{key: rng.gamma(4, 0.05, n) for key in SIZES},
            **{f"neighbour_{k}": 7 * rng.integers(0, 500, n) + 3 for k in (1, 2, 3)},
            "l2_x_class": rng.normal(10, 0.5, n),
            "l2_z_class": rng.normal(30, 2, n),
            "certificate": np.where(searched, certificate, ""),
            "certificate_reasons": np.where(certificate == "green", "", "far from the data; the oracles disagree"),
        }
        own["p_manifold"] = np.where(flipped, own["p_manifold"], np.nan)
        table |= {prefix + key: values for key, values in own.items()}
        counts = pd.Series(own["certificate"]).value_counts()
        means = {key: float(np.mean(own[key][flipped])) for key in ("l2_x", "l2_z", "margin", "cout", *SHARES)}
        numbers[name] |= {
            "flip_rate": flipped.sum() / searched.sum(),
            "flip_rate_half": 0.99,
            "oracle_accuracy": float((own["oracle_svm"] == target)[flipped].mean()),
            "fid": 4.2,
            "kid": 0.012,
            "spatial_fid": 7.5,
            "label_variation": 0.12,
            **means,
            "median_steps": float(np.median(own["steps"])),
            "timeout": int((status == "timeout").sum()),
            "failed": int((status == "failed").sum()),
            "intervals": {key: [mean - 0.02, mean + 0.03] for key, mean in means.items()},
            "certificate": {word: int(counts.get(word, 0)) for word in ("green", "amber", "red")},
        }
    summary["spectrum"] = {
        "index": list(range(1, 101)),
        "sigma": np.geomspace(3, 0.01, 100).tolist(),
        "effective_dimension": 12.3,
        "dimension_above_10pct": 40.0,
    }
    summary["class_names"] = [f"class {i}" for i in range(classes)]
    summary["provenance"] = {"checkpoints": {"chart": "chart.ckpt sha256:0"}, "versions": {"python": "3.11"}}

    tensors = {"x": x, "reconstruction": (x + 0.005).clamp(0, 1), "counterfactual": made[""]}
    tensors |= {f"{name}_counterfactual": made[name] for name in results if name}
    if path:
        way = torch.linspace(0, 1, path)[None, :, None]
        along = (centre[:, None] + way * (moved - centre)[:, None]).flatten(0, 1)
        tensors["path"] = blobs(along, size, channels).view(n, path, channels, size, size)
    (folder / "summary.json").write_text(json.dumps(summary))
    pd.DataFrame(table).to_parquet(folder / "counterfactuals.parquet")
    save_file({name: t.contiguous().clone() for name, t in tensors.items()}, folder / "counterfactuals.safetensors")
    some = {"positions": 7 * torch.arange(500) + 3, "images": (x[torch.arange(500) % n] * 255).byte()}
    save_file({name: t.contiguous() for name, t in some.items()}, folder / "neighbours.safetensors")
    looks = (x[: min(n, 400)].mean(1) * 127 + 128).round().byte()
    save_file({"attribution": looks, "refined": 255 - looks}, folder / "attributions.safetensors")
    return folder
