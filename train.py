"""Train any module of lightning_modules on any data module: fit | validate | test."""

import interrupts  # noqa: F401, I001  # before all others

import sys
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import ArgsType, LightningArgumentParser

import lightning_modules  # noqa: F401
from callbacks import BestAndLast, Divergence, EarlierTraining, ModelArtifact, Requeue, Resume, ResumeHint
from results.lock import releasing
from callbacks.training.progress_lines import ProgressLines
from counterfactuals.progress import watched
from callbacks.training.outcome import check_batches, outcome, trained
from cli.next_command import next_command
from cli.restoring import restoring_explained
from command_line import RunCLI, run
from lightning_modules.checkpoints.checkpoint import read
from lightning_modules.task import Task
from networks.errors import InputError
from networks.precision import uses_tf32
from restarts import go_on_from


class TrainCLI(RunCLI):
    """Best and last checkpoint under fixed names in the run's folder, for the next command to find."""

    program = "train.py"

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        super().add_arguments_to_parser(parser)
        parser.add_lightning_class_args(BestAndLast, "checkpoint")
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
            InputError.collect(_without_checkpoints(config["trainer"]))
            if config["ckpt_path"] is None and (last := go_on_from(Path(config["trainer"]["default_root_dir"]))):
                read(last)
                config["ckpt_path"] = last

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        asked = self.config_init[self.subcommand]["trainer"]
        own = asked["callbacks"] or []
        if self.subcommand == "fit" and asked["enable_progress_bar"] is not False and not watched():
            kwargs["callbacks"] = [*(own if isinstance(own, list) else [own]), ProgressLines()]
        return super().instantiate_trainer(**kwargs)

    def before_fit(self) -> None:
        checkpoint = self.trainer.checkpoint_callback
        if getattr(self.trainer, "fast_dev_run", False) and isinstance(checkpoint, ModelCheckpoint):
            checkpoint.save_last = None  # Lightning would replace last.ckpt with a model of one step
        device = self.trainer.strategy.root_device
        in_float32 = self.trainer.is_global_zero and device.type == "cuda" and self.trainer.precision == "32-true"
        if in_float32 and uses_tf32() and torch.cuda.get_device_capability(device) >= (8, 0):
            print(
                "Convolutions in TF32, ten bits of mantissa, as torch has it on this GPU: NVIDIA_TF32_OVERRIDE=0 in "
                "the environment keeps all of float32. explain.py never uses TF32 unless a search asks for it"
            )

    def after_fit(self) -> None:
        if self.trainer.is_global_zero and not getattr(self.trainer, "fast_dev_run", False):
            checkpoint, said = self.trainer.checkpoint_callback, outcome(self.trainer)
            if isinstance(checkpoint, BestAndLast) and checkpoint.begun:
                print(trained(self.trainer, self.model, checkpoint.seconds))
            print(said)
            best = getattr(checkpoint, "best_model_path", "")
            if best and (command := next_command(self.words, Path(best), Path(sys.argv[0]))):
                print(f"next: {command}")

    def after_validate(self) -> None:
        check_batches(self.trainer, "val")

    def after_test(self) -> None:
        check_batches(self.trainer, "test")


def _without_checkpoints(trainer: Any) -> list[str]:
    kept = {"enable_checkpointing": (None, True), "barebones": (False,)}
    return [
        f"--trainer.{name} {str(trainer[name]).lower()} would train for nothing: train.py fit is for best.ckpt and "
        f"last.ckpt; leave it out, or try a config with --trainer.fast_dev_run true"
        for name, values in kept.items()
        if trainer[name] not in values
    ]


def main(args: ArgsType = None) -> None:
    """Run the command line; ``args`` stand in for ``sys.argv[1:]``."""
    with releasing(), restoring_explained():
        TrainCLI(
            model_class=Task,
            subclass_mode_model=True,
            trainer_defaults={
                "default_root_dir": "runs/unnamed",
                "callbacks": [Resume(), EarlierTraining(), Divergence(), Requeue(), ResumeHint(), ModelArtifact()],
            },
            description=__doc__,
            args=args,
        )


if __name__ == "__main__":
    run(main)
