"""Explain a data set's predict split: counterfactuals, metrics, report.

``python explain.py report RUN`` builds the report of a finished run again.
"""

import interrupts  # noqa: F401, I001  # before all others

import sys
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning import Trainer
from pytorch_lightning.cli import ArgsType, LightningArgumentParser

import counterfactuals  # noqa: F401  # short class names in configs
from callbacks import Dashboard, Report, ResultWriter, SearchProgress
from results.lock import releasing
from callbacks.training.outcome import check_batches
from report.command import rebuild
from cli.paths import expanded
from cli.specs import specs
from cli.untrained import untrained
from command_line import RunCLI, run
from lightning_modules import CounterfactualModule
from networks.errors import InputError
from networks.precision import no_tf32


class ExplainCLI(RunCLI):
    """LightningCLI on predict alone; writer, report and dashboard come after the callbacks of the config."""

    program = "explain.py"

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        super().add_arguments_to_parser(parser)
        parser.add_lightning_class_args(ResultWriter, "writer")
        parser.add_lightning_class_args(Report, "report")
        parser.add_lightning_class_args(Dashboard, "dashboard")

    def before_instantiate_classes(self) -> None:
        folder = Path(self.config["trainer"]["default_root_dir"])
        if any((folder / name).is_file() for name in ("best.ckpt", "last.ckpt")):
            raise InputError(
                f"{folder} holds a training's checkpoints, whose config.yaml this run would replace: choose another "
                "--trainer.default_root_dir"
            )
        super().before_instantiate_classes()

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        asked = self.config
        judges = untrained(asked["trainer"]["callbacks"] or [], "--trainer.callbacks")
        weights = any(spec.arguments.get("weights") for spec in specs(asked["model"]["adapter"], "--model.adapter"))
        own = [] if weights else untrained(asked["model"]["predictor"], "--model.predictor")
        InputError.collect([*own, *judges])
        config = self.config_init["trainer"]
        if config["inference_mode"]:
            raise InputError("--trainer.inference_mode must be false, since a search needs gradients; got true")
        if config["enable_progress_bar"] is not False:
            given = config["callbacks"] or []
            kwargs["callbacks"] = [*(given if isinstance(given, list) else [given]), SearchProgress()]
        trainer = super().instantiate_trainer(**kwargs)
        self.config_init["writer"].settings = self._what_results_depend_on()
        return trainer

    def _what_results_depend_on(self) -> dict[str, Any]:
        config = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
        chosen = {name: config[name] for name in ("seed_everything", "model", "data")}
        return {**chosen, "callbacks": config["trainer"]["callbacks"]}


def main(args: ArgsType = None) -> None:
    """Run the command line; ``args`` stand in for ``sys.argv[1:]``."""
    words = sys.argv[1:] if args is None else args
    if isinstance(words, list) and words[:1] == ["report"]:
        rebuild([expanded(word) for word in words[1:]])
        return
    with no_tf32(), releasing():  # the callbacks measure before and after the searches, too
        cli = ExplainCLI(
            model_class=CounterfactualModule,
            run=False,
            # A search needs gradients, and inference mode forbids them for good.
            trainer_defaults={"default_root_dir": "runs/unnamed", "inference_mode": False},
            description=__doc__,
            args=args,
        )
        cli.trainer.predict(cli.model, cli.datamodule, return_predictions=False)
    check_batches(cli.trainer, "predict")


if __name__ == "__main__":
    run(main)
