"""Train any module of lightning_modules on any data module: fit | validate | test."""

import os
from pathlib import Path

from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import ArgsType, LightningArgumentParser

import lightning_modules  # noqa: F401
from callbacks import ModelArtifact, ResumeHint
from command_line import RunCLI, run
from lightning_modules.task import Task


class TrainCLI(RunCLI):
    """Best and last checkpoint under fixed names in the run's folder, for the next command to find."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        super().add_arguments_to_parser(parser)
        parser.add_lightning_class_args(ModelCheckpoint, "checkpoint")
        parser.set_defaults(
            {
                "checkpoint.monitor": "val/loss",
                "checkpoint.filename": "best",
                "checkpoint.save_last": True,
                "checkpoint.enable_version_counter": False,
            }
        )
        parser.link_arguments("trainer.default_root_dir", "checkpoint.dirpath")

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        common = {"model", "dataloaders", "datamodule"}
        return {
            "fit": {"model", "train_dataloaders", "val_dataloaders", "datamodule"},
            "validate": common,
            "test": common,
        }

    def before_instantiate_classes(self) -> None:
        super().before_instantiate_classes()
        if self.subcommand == "fit":
            config = self.config["fit"]
            config["ckpt_path"] = config["ckpt_path"] or to_go_on_from(Path(config["trainer"]["default_root_dir"]))

    def after_fit(self) -> None:
        checkpoint = self.trainer.checkpoint_callback
        if self.trainer.is_global_zero and isinstance(checkpoint, ModelCheckpoint) and checkpoint.best_model_path:
            score = f"{checkpoint.monitor} {checkpoint.best_model_score:.4g}"
            print(f"best checkpoint ({score}): {checkpoint.best_model_path}")


def to_go_on_from(folder: Path) -> str | None:
    """The last checkpoint of this very job, where torchrun or SLURM has started it again.

    A job's first start leaves ``.started``; a ``last.ckpt`` that is older is another training's.
    """
    counts = [os.environ[name] for name in ("TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT") if name in os.environ]
    started, last = folder / ".started", folder / "last.ckpt"
    if counts and not any(map(int, counts)):
        folder.mkdir(parents=True, exist_ok=True)
        started.touch()
    if not any(map(int, counts)) or not (started.exists() and last.exists()):
        return None
    if last.stat().st_mtime < started.stat().st_mtime:
        return None
    if os.environ.get("RANK", os.environ.get("SLURM_PROCID")) == "0":
        print(f"Started again: going on from {last}")
    return str(last)


def main(args: ArgsType = None) -> None:
    """Run the command line; ``args`` stand in for ``sys.argv[1:]``."""
    TrainCLI(
        model_class=Task,
        subclass_mode_model=True,
        trainer_defaults={"default_root_dir": "runs/unnamed", "callbacks": [ResumeHint(), ModelArtifact()]},
        description=__doc__,
        args=args,
    )


if __name__ == "__main__":
    run(main)
