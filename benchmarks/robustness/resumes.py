"""Trainings that are stopped at random steps and go on, beside the same training that was never stopped.

python -m benchmarks.robustness.resumes --stops 20

A stop is SIGKILL, SIGTERM or Ctrl-C in the middle of a training batch, at the end of an epoch or during a validation,
or ``max_steps``. Then the documented command goes on from last.ckpt. The loss of every batch and of every validation,
before and after, is compared with that of the whole training. Every training is a process of its own, forked from this.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

import train
from command_line import run

ROOT = Path(__file__).parents[2]
QUIET = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.logger=false"]
QUIET += ["--trainer.accelerator=cpu", "--trainer.num_sanity_val_steps=1"]
DIGITS = [f"--config={ROOT}/configs/digits/classifier.yaml", "--model.noise=0.5", "--trainer.max_epochs=4"]
FLOW = [f"--config={ROOT}/configs/digits/flow.yaml", "--model.flow=networks.RealNVP", "--model.flow.shape=[1,8,8]"]
FLOW += ["--model.flow.base_width=8", "--model.flow.num_blocks=1", "--model.flow.levels=17", "--model.flow.alpha=0.2"]
FLOW += ["--trainer.callbacks=callbacks.EMA", "--trainer.callbacks.decay=0.9", "--model.warmup_steps=20"]
FLOW += ["--model.scheduler.T_max=4", "--trainer.max_epochs=4", "--trainer.check_val_every_n_epoch=1"]
IN_MID_EPOCH = ["--trainer.val_check_interval=7", "--trainer.check_val_every_n_epoch=null"]
#: with noise, dequantisation, EMA and schedules; validated in mid-epoch or not; gradients of two batches added up
TRAININGS = {
    "classifier": DIGITS,
    "classifier, validated every 7 steps": [*DIGITS, *IN_MID_EPOCH],
    "the same, 2 batches a step, 2 workers": [
        *DIGITS,
        *IN_MID_EPOCH,
        "--trainer.accumulate_grad_batches=2",
        "--data.num_workers=2",
    ],
    "flow with EMA, every 7 steps": [*FLOW, *IN_MID_EPOCH],
    "flow with EMA, every 2 epochs": [*FLOW, "--trainer.check_val_every_n_epoch=2"],
}
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


class Stop(NamedTuple):
    """Where a training is stopped: in the nth ``place``, by a signal; or after n steps, by ``max_steps``."""

    place: str
    n: int
    signal: int = 0


class Curve(Callback):
    """Writes every loss into a file, with its epoch and batch, and stops the process at a given moment."""

    def __init__(self, file: str, place: str = "", n: int = 0, number: int = 0) -> None:
        self.file, self.place, self.left, self.signal = Path(file), place, n, number

    def _at(self, place: str) -> None:
        if place == self.place:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), self.signal)

    def _write(self, trainer: Trainer, key: str, value: Any) -> None:
        if not trainer.is_global_zero:
            return
        with self.file.open("a") as file:
            line = [
                key,
                trainer.current_epoch,
                trainer.global_step,
                trainer.fit_loop.epoch_loop.batch_idx,
                float(value),
            ]
            file.write(json.dumps(line) + "\n")

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
        self._at("batch")

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *args: Any) -> None:
        self._write(trainer, "train", outputs["loss"])

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._at("epoch end")

    def on_validation_batch_end(self, trainer: Trainer, *args: Any) -> None:
        self._at("sanity check" if trainer.sanity_checking else "validation")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self._write(trainer, "val", trainer.callback_metrics["val/loss"])


def trained(folder: Path, arguments: Sequence[str], stop: Stop | None = None, *more: str) -> int:
    """Exit code of a training in a process of its own, which has everything imported."""
    if process := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where this is in the background
    log = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    curve = f"--trainer.callbacks.init_args.file={folder}.jsonl"
    words = ["fit", *arguments, *QUIET, "--trainer.callbacks+=benchmarks.robustness.resumes.Curve", curve]
    if stop is not None and stop.place == "max_steps":
        words.append(f"--trainer.max_steps={stop.n}")
    elif stop is not None:
        settings = {"place": stop.place, "n": stop.n, "number": int(stop.signal)}
        words += [f"--trainer.callbacks.init_args.{name}={value}" for name, value in settings.items()]
    sys.argv = ["train.py", *words, f"--trainer.default_root_dir={folder}", *more]
    code = 0
    try:
        run(train.main)
    except SystemExit as end:
        print(end.code)
        code = 1 if isinstance(end.code, str) else end.code or 0
    finally:
        sys.stdout.flush()
        os._exit(code)


def curve(folder: Path) -> list[tuple[tuple[str, int, int, int], float]]:
    """((train or val, epoch, step, batch), loss), in the order of their writing."""
    lines = folder.with_suffix(".jsonl").read_text().splitlines()
    return [(tuple(place), loss) for *place, loss in map(json.loads, lines)]  # type: ignore[misc]


def compared(whole: Path, folder: Path) -> tuple[float, int]:
    """The largest difference of a loss to the whole training's, and how many of its losses are missing."""
    expected = dict(curve(whole))
    seen = curve(folder)
    strange = [place for place, _ in seen if place not in expected]
    if strange:
        sys.exit(f"{folder}: {strange[0]} is not in the whole training")
    return max(abs(loss - expected[place]) for place, loss in seen), len(expected.keys() - dict(seen).keys())


def random_stop(rng: random.Random, whole: Path) -> Stop:
    """Somewhere in the training, with all kinds of places alike."""
    places = [place for place, _ in curve(whole)]
    steps, validations = max(step for _, _, step, _ in places), sum(kind == "val" for kind, *_ in places)
    epochs = 1 + max(epoch for _, epoch, *_ in places)
    place = rng.choice(["batch", "batch", "epoch end", "validation", "max_steps", "sanity check"])
    most = {"batch": steps, "epoch end": epochs, "validation": 3 * validations, "max_steps": steps - 1}.get(place, 1)
    return Stop(place, rng.randint(1, most), rng.choice(SIGNALS))


def stopped_and_gone_on(home: Path, name: str, arguments: Sequence[str], whole: Path, stop: Stop) -> tuple[float, int]:
    """Of a stopped training that goes on: see ``compared``."""
    folder = home / name
    code = trained(folder, arguments, stop)
    last = folder / "last.ckpt"
    again = trained(folder, arguments, None, *([f"--ckpt_path={last}"] if last.exists() else []))
    if again or (code == 0) != (stop.place == "max_steps"):
        sys.exit(f"{stop}: exit codes {code}, {again}\n{folder.with_suffix('.log').read_text()}")
    return compared(whole, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stops", type=int, default=20, help="of every training")
    parser.add_argument("--only", default="", help="trainings whose name holds this")
    args = parser.parse_args()
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as home:
        for number, (name, arguments) in enumerate(TRAININGS.items()):
            if args.only not in name:
                continue
            whole = Path(home, f"whole-{number}")
            if trained(whole, arguments):
                sys.exit(whole.with_suffix(".log").read_text())
            stops = [random_stop(rng, whole) for _ in range(args.stops)]
            found = [
                (stop, *stopped_and_gone_on(Path(home), f"{number}-{i}", arguments, whole, stop))
                for i, stop in enumerate(stops)
            ]
            places = ", ".join(f"{sum(s.place == p for s in stops)} {p}" for p in sorted({s.place for s in stops}))
            print(f"{name}: {len(curve(whole))} losses; stopped {len(stops)} times ({places})", flush=True)
            print(
                f"  largest difference {max(d for _, d, _ in found):.1e}, losses missing {max(m for *_, m in found)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
