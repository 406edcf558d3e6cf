"""Every headline of the results from one command: trains what is missing, explains the test split, prints the table.

python -m benchmarks.headlines digits
python -m benchmarks.headlines mnist --data.root FOLDER            # further flags go to every command
python -m benchmarks.headlines image_folder --seeds 0 1 2 --data.root my/images
python -m benchmarks.headlines digits --split val                  # where settings are chosen: docs/results/protocol.md

With other seeds than a config's own, classifier and chart are trained again; oracles and data stay what they are.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks import table

ROOT = Path(__file__).parents[1]
ORACLES = ("svm", "oracle", "oracle_noise")


class Recipe(NamedTuple):
    """Jobs of ``configs/<folder>``: the explained model, its chart, what judges, and the explain run."""

    folder: str
    explained: str
    chart: str
    judges: tuple[str, ...]
    run: str


RECIPES = {
    "digits": Recipe("digits", "classifier", "flow", (*ORACLES, "features", "autoencoders"), "explain"),
    "digits_4_to_9": Recipe("digits", "classifier", "flow", (*ORACLES, "features", "autoencoders"), "explain_4_to_9"),
    "digits_compare": Recipe("digits", "classifier", "flow", (*ORACLES, "features", "autoencoders"), "compare"),
    "mnist": Recipe(
        "mnist", "classifier", "flow_matching", (*ORACLES, "features", "autoencoders"), "explain_4_to_9_continuous"
    ),
    "mnist_glow": Recipe("mnist", "classifier", "flow", (*ORACLES, "features", "autoencoders"), "explain_4_to_9"),
    "mnist_pairs": Recipe("mnist", "classifier", "flow", ORACLES, "explain_pairs"),
    "mnist_compare": Recipe("mnist", "classifier", "flow", (*ORACLES, "features", "autoencoders"), "compare"),
    "image_folder": Recipe("image_folder", "classifier", "flow_matching", ORACLES[1:], "explain"),
    "celeba": Recipe("celeba", "classifier", "flow_matching", ORACLES, "explain"),
    "scenes": Recipe("scenes", "regressor", "flow", ("oracle", "cnn"), "explain"),
    "helix": Recipe("helix", "classifier", "flow", ("svm", "oracle"), "explain"),
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--seeds", type=int, nargs="*", default=[], help="of classifier and chart; the configs' own")
    parser.add_argument("--split", default="test", help="that is explained")
    given, flags = parser.parse_known_args(arguments)
    recipe = RECIPES[given.recipe]
    for job in recipe.judges:
        train(recipe.folder, job, Path("runs") / recipe.folder / job, flags)
    for seed in given.seeds or [None]:
        home = Path("runs") / ("" if seed is None else f"seed-{seed}") / recipe.folder
        print(f"\n## {given.recipe}{'' if seed is None else f', seed {seed}'}, {given.split}\n", flush=True)
        table.main(str(explain(recipe, home, given.split, seed, flags)))


def explain(recipe: Recipe, home: Path, split: str, seed: int | None, flags: list[str]) -> Path:
    """The run's folder, of models with the seed."""
    for job in (recipe.explained, recipe.chart):
        train(recipe.folder, job, home / job, flags + ([] if seed is None else [f"--seed_everything={seed}"]))
    out = home / (recipe.run if split == "test" else f"{recipe.run}-{split}")
    models = [
        f"--model.{role}={home / job / 'best.ckpt'}"
        for role, job in (("predictor", recipe.explained), ("chart", recipe.chart))
    ]
    config = f"--config={ROOT / 'configs' / recipe.folder / recipe.run}.yaml"
    run("explain.py", config, *models, f"--trainer.default_root_dir={out}", f"--data.predict_split={split}", *flags)
    return out


def train(folder: str, job: str, out: Path, flags: list[str]) -> None:
    """Where it has not been trained yet; of flags those for the data alone."""
    if not (out / "best.ckpt").is_file():
        mine = [f for i, f in enumerate(flags) if _of_data(flags, i)]
        config = f"--config={ROOT / 'configs' / folder / job}.yaml"
        run("train.py", "fit", config, f"--trainer.default_root_dir={out}", *mine)


def _of_data(flags: list[str], i: int) -> bool:
    """Whether it is a flag of the data, or of the seed, or the value of one."""
    name = flags[i] if flags[i].startswith("--") or i == 0 else flags[i - 1]
    return name.startswith(("--data.", "--seed_everything")) and "predict" not in name


def run(program: str, *arguments: str) -> None:
    print("+", program, *arguments, flush=True)
    quiet = ["--trainer.enable_progress_bar=false"]
    subprocess.run([sys.executable, str(ROOT / program), *arguments, *quiet], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
