"""What train.py and explain.py share: loggers in the run's own folder, and readable errors."""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.cli import ArgsType, LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import CSVLogger, WandbLogger

from callbacks import SaveConfig
from datamodules import DataModule
from networks.errors import InputError

IGNORED_WARNINGS = (
    "does not have many workers",  # 0 workers is right for data in memory, and a flag for the rest
    "The number of training batches",  # small data sets log once an epoch, which is enough
    "Experiment logs directory",  # a rerun replaces its own CSV
    "Checkpoint directory .* exists",  # and its own checkpoint
    "is an instance of `nn.Module` and is already saved",  # Task drops live arguments itself
    "`isinstance\\(treespec, LeafSpec\\)`",  # Lightning's own use of torch's pytree
)


class RunCLI(LightningCLI):
    """LightningCLI whose every output lies in ``trainer.default_root_dir``.

    W&B (offline unless ``--wandb.offline false``) and CSV are the loggers of every run;
    ``--trainer.logger false`` turns them off.
    """

    def __init__(self, args: ArgsType = None, **kwargs: Any) -> None:
        for message in IGNORED_WARNINGS:
            warnings.filterwarnings("ignore", f".*{message}")
        super().__init__(
            datamodule_class=DataModule,
            subclass_mode_data=True,
            save_config_callback=SaveConfig,
            save_config_kwargs={"save_to_log_dir": False},
            seed_everything_default=0,
            auto_configure_optimizers=False,
            args=args,
            **kwargs,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_class_arguments(
            WandbLogger, "wandb", instantiate=False, fail_untyped=False,
            skip={"save_dir", "dir", "experiment", "version", "anonymous"},
        )
        parser.set_defaults({"wandb.project": "onmanifold", "wandb.offline": True})

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        config = self.config_init.get(str(self.subcommand), self.config_init)
        folder = config["trainer"]["default_root_dir"]
        if config["trainer"]["logger"] in (None, True) and not config["trainer"]["fast_dev_run"]:
            Path(folder).mkdir(parents=True, exist_ok=True)  # W&B would otherwise fall back to the working directory
            wandb_logger = WandbLogger(**{"name": folder, **_given(config["wandb"])}, save_dir=folder)
            kwargs["logger"] = [wandb_logger, CSVLogger(folder, name="csv", version="")]
        return super().instantiate_trainer(**kwargs)


def _given(arguments: Any) -> dict[str, Any]:
    return {k: v for k, v in dict(arguments).items() if v is not None}


def run(main: Callable[[], None]) -> None:
    """Call ``main``; what a user can mend is printed as one line, without a traceback."""
    os.environ.setdefault("WANDB_SILENT", "true")  # its banner drowns where our own results lie
    try:
        main()
    except InputError as error:
        # A data-loading worker hands over its whole traceback; the last error in it is ours.
        sys.exit(f"error: {str(error).rsplit('InputError: ', 1)[-1].strip()}")
    except OSError as error:
        sys.exit(f"error: {error}")
