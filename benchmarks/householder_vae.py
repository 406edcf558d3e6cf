"""The test lower bound of a VAE with and without a Householder flow: the table of Tomczak & Welling 2016.

python -m benchmarks.householder_vae --root data --output runs/householder_vae

Three configs of configs/binarized_mnist, seeds 0, 1 and 2 each. A run that has been tested is not repeated, one that
was interrupted goes on from its last epoch. ``--importance_samples 500`` adds the importance-weighted bound.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

import pytorch_lightning as pl
import wandb

import train
from datamodules import BinarizedMNIST
from lightning_modules import VAEModule, load

ROOT = Path(__file__).parents[1]
#: config → its row, and the published lower bound in nats (arXiv 1611.09630, table 1)
ROWS = {
    "vae": ("VAE", "−93.89 ± 0.09"),
    "vae_hf1": ("VAE+HF (T = 1)", "−87.77 ± 0.05"),
    "vae_hf10": ("VAE+HF (T = 10)", "−87.68 ± 0.06"),
}
SEEDS = (0, 1, 2)
Results = dict[str, float]


def fit(config: str, seed: int, folder: Path, args: argparse.Namespace) -> None:
    epochs, last, options = args.max_epochs, folder / "last.ckpt", []
    if epochs:
        options += [f"--trainer.max_epochs={epochs}", f"--model.scheduler.init_args.T_max={epochs}"]
    if args.limit_batches:
        options += [f"--trainer.limit_{split}_batches={args.limit_batches}" for split in ("train", "val")]
    if last.is_file():
        options += [f"--ckpt_path={last}"]
    train.main(
        [
            "fit",
            f"--config={ROOT / 'configs' / 'binarized_mnist' / config}.yaml",
            f"--seed_everything={seed}",
            f"--data.root={args.root}",
            f"--trainer.default_root_dir={folder}",
            "--trainer.enable_progress_bar=false",
            "--trainer.enable_model_summary=false",
            *options,
        ]
    )
    wandb.finish()  # the next training would log into this one's run


def test(folder: Path, args: argparse.Namespace) -> Results:
    module = load(folder / "best.ckpt", VAEModule)
    module.importance_samples = args.importance_samples
    trainer = pl.Trainer(
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_test_batches=args.limit_batches or 1.0,
        default_root_dir=folder,
    )
    return dict(trainer.test(module, datamodule=BinarizedMNIST(args.root, batch_size=100), verbose=False)[0])


def results(config: str, seed: int, args: argparse.Namespace) -> Results:
    """Of one run; ``test.json`` says that it has been trained to its end and tested."""
    folder = args.output.resolve() / f"{config}-seed{seed}"
    marker = folder / "test.json"
    if not marker.is_file():
        fit(config, seed, folder, args)
        marker.write_text(json.dumps(test(folder, args), indent=1))
    return json.loads(marker.read_text())


def check_settings(args: argparse.Namespace) -> None:
    """Rows of other settings do not belong into one table."""
    file, settings = args.output / "settings.json", {k: v for k, v in vars(args).items() if k not in ("root", "output")}
    if file.is_file() and (earlier := json.loads(file.read_text())) != settings:
        sys.exit(f"error: {args.output} holds runs with {earlier}, not {settings}: choose another --output")
    args.output.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings))


def cell(values: list[float]) -> str:
    """Mean ± standard deviation over the seeds."""
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread}".replace("-", "−")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="folder that holds MNIST/raw")
    parser.add_argument("--output", type=Path, default=Path("runs/householder_vae"))
    parser.add_argument("--max_epochs", type=int, help="instead of the configs'")
    parser.add_argument("--limit_batches", type=int, help="of every split, to try it out")
    parser.add_argument("--importance_samples", type=int, default=0)
    args = parser.parse_args()
    check_settings(args)
    found = {config: [results(config, seed, args) for seed in SEEDS] for config in ROWS}
    weighted = bool(args.importance_samples)
    columns = ["lower bound", *(["importance-weighted"] if weighted else []), "KL", "active units", "published"]
    keys = ["test/elbo", *(["test/log_likelihood"] if weighted else []), "test/kl", "test/active_units"]
    print("| nats, MNIST test | " + " | ".join(columns) + " |")
    print("|---" * (1 + len(columns)) + "|")
    for config, (name, published) in ROWS.items():
        cells = [cell([run[key] for run in found[config]]) for key in keys]
        print(f"| {name} | " + " | ".join([*cells, published]) + " |")


if __name__ == "__main__":
    main()
