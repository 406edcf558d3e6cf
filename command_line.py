"""What train.py and explain.py share: loggers in the run's own folder, and readable errors."""

import errno
import importlib
import io
import logging
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError
from pytorch_lightning import Trainer
from pytorch_lightning.cli import ArgsType, LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.plugins import CheckpointIO
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException

from callbacks import AtomicCheckpointIO, FirstLook, Ranks, SaveConfig
from callbacks.programs import misplaced_callbacks
from callbacks.ranks import reported_elsewhere
from callbacks.tracking.late_csv import LateCSV
from cli import given, wandb_environment
from cli.allocation import keep_memory
from cli.class_flags import class_flags
from cli.constructors import Constructors, build, shorter
from cli.paths import expand
from cli.trainer_values import check_run, refused_by_trainer, unlogged
from cli.trusted import trusted_by
from cli.wording import check_all, missing
from counterfactuals.memory import lacks_memory, shortage
from datamodules import DataModule
from interrupts import catch
from lightning_modules.checkpoints.building import trust
from lightning_modules.checkpoints.checkpoint import read
from lightning_modules.from_data import blanks, fastest_precision, fill
from networks.errors import InputError, printable
from restarts import is_first, take_a_fresh_store
from results.lock import acquire
from results.provenance import version_of

IGNORED_WARNINGS = (
    "does not have many workers",  # 0 workers is right for data in memory, and a flag for the rest
    "The number of training batches",  # small data sets log once an epoch, which is enough
    "Experiment logs directory",  # a rerun replaces its own CSV
    "Checkpoint directory .* exists",  # and its own checkpoint
    "`torch.jit.script` is deprecated",  # torch's own, loaded by forward-mode differentiation
    "is an instance of `nn.Module` and is already saved",  # Task drops live arguments itself
    "`isinstance\\(treespec, LeafSpec\\)`",  # Lightning's own use of torch's pytree
)

LOWER = (
    "lower --data.batch_size, --data.size or the networks' widths; in training --trainer.precision bf16-mixed takes "
    "less, and so does a Glow with recompute: true"
)


class RunParser(LightningArgumentParser):
    """Its help lists the flags of classes, too."""

    def format_help(self, *args: Any) -> str:
        return f"{super().format_help(*args)}{class_flags(self)}"


class RunCLI(LightningCLI):
    """LightningCLI whose every output lies in ``trainer.default_root_dir``.

    W&B (offline unless ``--wandb.offline false``) and CSV are the loggers of every run;
    ``--trainer.logger false`` turns them off.
    """

    program = ""

    def __init__(self, description: str | None, args: ArgsType = None, **kwargs: Any) -> None:
        take_a_fresh_store()
        self._constructors = Constructors()
        quiet = {"exit_on_error": False}  # run() prints what is wrong, without the usage of 150 options
        for message in IGNORED_WARNINGS:
            warnings.filterwarnings("ignore", f".*{message}")
        logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(_is_no_advertisement)
        super().__init__(
            datamodule_class=DataModule,
            subclass_mode_data=True,
            parser_class=RunParser,
            save_config_callback=SaveConfig,
            save_config_kwargs={"save_to_log_dir": False},
            parser_kwargs={
                **quiet,
                "description": description,
                "version": f"OnManifold {version_of('onmanifold')}",
                **dict.fromkeys(self.subcommands(), quiet),
            },
            seed_everything_default=0,
            auto_configure_optimizers=False,
            args=args,
            **kwargs,
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse; what jsonargparse refuses is looked at again and told in one sentence.

        Raises:
            InputError: a config that cannot be read, an argument that does not exist, or a value that it cannot have.
        """
        words = args if isinstance(args, list) else sys.argv[1:] if args is None else []
        command = self._command(words)
        self.words = [word for word in words if word != command]  # as they were given
        given.check_configs(words)
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            chosen = self._parser(command)
            check_all(given.read(self.words), chosen)
            raise missing(str(error), chosen) or InputError(readable(str(error))) from error
        expand(self.config)
        check_run(self.config.get(str(command), self.config))

    def _command(self, words: list[str]) -> str | None:
        """The subcommand among the words, where the program has any."""
        names = list(getattr(self, "_subcommand_parsers", ()))
        found = next((word for word in words if word in names), None)
        if found is None and names and not {"-h", "--help", "--version"} & set(words):
            stray = [word for word in words if get_close_matches(word, names)]
            stray += [word for word in words[:1] if not word.startswith("-")]
            wrong = f"{stray[0]!r} is no command" if stray else "no command is given"
            raise InputError(f"{wrong}: name one of {', '.join(names)} first, as in train.py fit --config FILE")
        return found

    def _add_instantiators(self) -> None:
        self._constructors.watch(self.parser)
        super()._add_instantiators()
        self.parser.add_instantiator(build, object)

    def instantiate_classes(self) -> None:
        with self._constructors.telling(self.config.get(str(self.subcommand), self.config)):
            super().instantiate_classes()

    def before_instantiate_classes(self) -> None:
        config = self.config.get(str(self.subcommand), self.config)
        if self.subcommand in (None, "fit") and is_first(os.environ):  # before anything is written or replaced
            acquire(Path(config["trainer"]["default_root_dir"] or "."))
        trust(*trusted_by(config.as_dict()))
        if blanks(config["model"]):
            data = config["data"].clone()
            with self._constructors.telling(config):
                fill(config["model"], self._instance(data["class_path"], data.get("init_args")))
            if config["trainer"]["precision"] is None:
                config["trainer"]["precision"] = fastest_precision()

    def _instance(self, class_path: str, arguments: Any) -> Any:
        module, _, name = class_path.rpartition(".")
        given_to = {} if arguments is None else arguments.as_dict()
        return self._constructors.call(getattr(importlib.import_module(module), name), **given_to)

    def _parse_ckpt_path(self) -> None:
        """Check ``--ckpt_path``; Lightning's own would let the checkpoint's settings override the config.

        Then ``test`` on a checkpoint of another model silently tests that model. Here the config
        counts, and weights that do not fit it are an error (``Task.on_load_checkpoint``).
        """
        subcommand = self.config.get("subcommand")
        if subcommand is None:
            return
        options = self.config[subcommand]
        path, folder = options.get("ckpt_path"), Path(options["trainer"]["default_root_dir"])
        if path is None and subcommand != "fit":
            best = folder / "best.ckpt"
            there = f": --ckpt_path {best}" if best.is_file() else " (--ckpt_path …/best.ckpt)"
            raise InputError(f"{subcommand} needs the checkpoint of a trained model{there}")
        if path in ("best", "last", "hpc"):
            path = options["ckpt_path"] = str(named_checkpoint(folder, path))
        if path is not None:
            with InputError.about("--ckpt_path"):
                read(path)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_class_arguments(
            WandbLogger,
            "wandb",
            instantiate=False,
            fail_untyped=False,
            skip={"save_dir", "dir", "experiment", "version", "anonymous"},
        )
        parser.set_defaults(wandb_environment.defaults())
        parser.add_argument(
            "--trust",
            type=list[str],
            default=[],
            help="your own classes that checkpoints may name, e.g. '[my_package.MyNet]'; a config's own are trusted",
        )

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        config = self.config_init.get(str(self.subcommand), self.config_init)
        asked = config["trainer"]["callbacks"] or []
        asked = asked if isinstance(asked, list) else [asked]
        InputError.collect(misplaced_callbacks(asked, self.program))
        kwargs["callbacks"] = [Ranks(), FirstLook(), *kwargs.get("callbacks", asked)]
        plugins = config["trainer"]["plugins"] or []
        plugins = plugins if isinstance(plugins, list) else [plugins]
        if not any(isinstance(plugin, CheckpointIO) for plugin in plugins):
            kwargs["plugins"] = [*plugins, AtomicCheckpointIO()]
        folder = config["trainer"]["default_root_dir"]
        if config["trainer"]["logger"] in (None, True) and not config["trainer"]["fast_dev_run"]:
            settings = wandb_environment.settings(dict(config["wandb"]), folder)
            if is_first(os.environ):
                wandb_environment.check_server(settings["mode"])
            wandb_logger = WandbLogger(**settings)
            wandb_logger._wandb_init.pop("anonymous", None)  # Lightning's default, of which W&B warns at every run
            kwargs["logger"] = [wandb_logger, LateCSV(folder, "csv", self._csv_folder(config))]
        try:
            return super().instantiate_trainer(**kwargs)
        except (MisconfigurationException, ValueError, TypeError, ImportError) as error:
            raise refused_by_trainer(error, config["trainer"]) from error

    def _csv_folder(self, config: Any) -> str:
        """A folder of its own for what must not replace a training's CSV."""
        if self.subcommand != "fit":
            return str(self.subcommand or "")
        earlier = len(list(Path(config["trainer"]["default_root_dir"], "csv").glob("resumed-*")))
        return f"resumed-{earlier + 1}" if config.get("ckpt_path") else ""


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    """Of packages that Lightning would like to see installed."""
    return not record.getMessage().startswith("💡 Tip:")


def named_checkpoint(folder: Path, name: str) -> Path:
    """The file that ``--ckpt_path best``, ``last`` or ``hpc`` means, in the run's folder.

    Raises:
        InputError: there is none.
    """
    found = list(folder.glob("hpc_ckpt_*.ckpt" if name == "hpc" else f"{name}.ckpt"))
    if not found:
        others = ", ".join(sorted(file.name for file in folder.glob("*.ckpt"))) or "no checkpoint"
        raise InputError(f"there is nothing that --ckpt_path {name} could mean: {folder} holds {others}")
    return max(found, key=lambda file: file.stat().st_mtime)


def readable(message: str) -> str:
    """jsonargparse's message in one sentence: the key, and the first reason that says something of the value."""
    keys = ".".join(re.findall(r'Parser key "([^"]+)"', message))
    noise = (
        "Parser key",
        "Does not validate",
        "Subtypes:",
        "Errors:",
        "Given value",
        "Subclass types",
        "Expected a path",
    )
    reasons = [line.strip().removeprefix("- ") for line in message.splitlines()]
    reasons = [reason for reason in reasons if reason and not reason.startswith(noise) and "class_path" not in reason]
    said = shorter(next(iter(reasons), ""), 300) if keys else shorter(message, 300)
    said = re.sub(r"<class '(?:\w+\.)*(\w+)'>|typing\.", lambda match: match[1] or "", said)
    return f"--{keys} cannot have the value that it is given{': ' if said else ''}{said}" if keys else said


def cause(error: BaseException | None) -> InputError | None:
    """The ``InputError`` behind an error, if there is one.

    jsonargparse takes what a constructor raises for a failed guess at a type, and raises its own.
    """
    while error is not None and not isinstance(error, InputError):
        error = error.__cause__ or error.__context__
    return error


def without_memory(error: BaseException | None) -> BaseException | None:
    """The error for want of memory that this one is, or that a constructor has raised under jsonargparse's."""
    while isinstance(error, ArgumentError):
        error = error.__cause__ or error.__context__
    return error if error is not None and lacks_memory(error) else None


def run(main: Callable[[], None]) -> None:
    """Call ``main``; what a user can mend is printed as one message, without a traceback.

    A process that SIGTERM has ended has the exit code that the shell expects, 143, and 130 after Ctrl-C.
    """
    catch()
    keep_memory()
    os.environ.setdefault("WANDB_SILENT", "true")  # its banner drowns where our own results lie
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not every terminal knows ‖ and Λ
            stream.reconfigure(errors="replace")
    try:
        main()
    except SIGTERMException:  # Lightning's own has the exit code 0
        sys.exit(128 + signal.SIGTERM)
    except SystemExit as stop:
        sys.exit(128 + signal.SIGINT if isinstance(stop.__context__, KeyboardInterrupt) else stop.code)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        if reported_elsewhere(error):
            sys.exit(1)
        if (sentence := told(error)) is None:
            raise
        sys.exit(f"error: {lines(sentence)}")


def told(error: Exception) -> str | None:
    """What a user is told of an error that can be mended; ``None`` where it is ours, and its traceback says more."""
    if isinstance(error, (ValueError, ArgumentError)) and (ours := cause(error)) is not None:
        # A data-loading worker hands over its whole traceback; the last error in it is ours.
        return str(ours).rsplit("InputError: ", 1)[-1].strip()
    if (short := without_memory(error)) is not None:
        return shortage(short, LOWER)
    if isinstance(error, ArgumentError):
        return f"{readable(str(error))}\nSee --help for the options."
    if (known := unlogged(error) or wandb_environment.refused(error)) is not None:
        return str(known)
    if isinstance(error, MisconfigurationException):
        return shorter(str(error))
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = ": make room there" if full else ""
    return f"{error}{advice}" if isinstance(error, OSError) else None


def lines(message: str) -> str:
    """Of which each is printable."""
    return "\n".join(map(printable, message.split("\n")))
