"""Train any module of lightning_modules on any data module: fit | validate | test."""

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

    def after_fit(self) -> None:
        checkpoint = self.trainer.checkpoint_callback
        if self.trainer.is_global_zero and isinstance(checkpoint, ModelCheckpoint) and checkpoint.best_model_path:
            score = f"{checkpoint.monitor} {checkpoint.best_model_score:.4g}"
            print(f"best checkpoint ({score}): {checkpoint.best_model_path}")


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
