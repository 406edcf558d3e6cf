"""Explain runs on several ranks that are stopped, continued on other numbers of ranks, slow, or broken."""

import json
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from callbacks.result_writer import ResultWriter
from results.journal import Journal, read_journal
from tests.support.ranks import ENVIRONMENT, torchrun
from tests.support.runs import NO_LOGGER, QUIET, ROOT, config, run_explain

SHORT = [
    "--data.predict_limit=10",
    "--data.batch_size=4",
    "--model.slots=3",
    "--model.method.init_args.max_steps=30",
    "--model.control.init_args.max_steps=20",
    "--model.paper_control=null",
    "--model.objective.init_args.confidence=0.5",
    "--trainer.callbacks=callbacks.ChartQuality",
    "--trainer.callbacks+=callbacks.OracleAccuracy",
    "--trainer.callbacks.init_args.oracles={svm: {class_path: networks.LinearSVM}, cnn: runs/digits/svm/best.ckpt}",
    "--trainer.callbacks+=callbacks.Realism",
    "--trainer.callbacks.init_args.extractor=runs/digits/features/best.ckpt",
    "--trainer.callbacks+=callbacks.Interpretability",
    "--trainer.callbacks.init_args.autoencoders=runs/digits/autoencoders/best.ckpt",
    "--trainer.callbacks+=callbacks.Spectrum",
    "--trainer.callbacks.init_args.num_samples=4",
]
EXPLAIN = [config("digits/explain.yaml"), *QUIET, *NO_LOGGER, *SHORT]
#: many runs, one after the other, in the same processes: what takes long is to start them
MANY = """
import json, sys
import explain
for folder in json.loads(sys.argv[1]):
    explain.main([*sys.argv[2:], f"--trainer.default_root_dir={folder}"])
"""
TWO = ["--trainer.devices=2", "--trainer.strategy=ddp"]


def whole_and_cut(folder: Path) -> tuple[Path, Path]:
    """A run that was left alone, and one that was stopped before its merge with all of its records."""
    whole, cut = folder / "whole", folder / "cut"
    run_explain("digits/explain.yaml", *SHORT, f"--trainer.default_root_dir={whole}")

    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(ResultWriter, "on_predict_end", stop)
        run_explain("digits/explain.yaml", *SHORT, f"--trainer.default_root_dir={cut}")
    return whole, cut


def shuffled(cut: Path, folder: Path, chance: random.Random) -> None:
    """Some of a stopped run's records, in another order, as one to three ranks could have left them."""
    records = [e for journal in sorted((cut / "shards").glob("*.journal")) for e in read_journal(journal)]
    kept = chance.sample(records, chance.randint(1, len(records)))
    (folder / "shards").mkdir(parents=True)
    shutil.copy(cut / "shards" / "run.json", folder / "shards")
    journals = [Journal(folder / "shards" / f"rank{rank}-0.journal") for rank in range(chance.randint(1, 3))]
    for record in kept:
        chance.choice(journals).append(record)


def same(folder: Path, whole: Path) -> None:
    """The table and every number, but for what it took."""
    again, table = (pd.read_parquet(f / "counterfactuals.parquet") for f in (folder, whole))
    columns = [c for c in table if "seconds" not in c and "decodes" not in c]
    pd.testing.assert_frame_equal(again[columns], table[columns], rtol=1e-4, atol=1e-5)
    one, two = (dict(numbers(json.loads((f / "summary.json").read_text()))) for f in (folder, whole))
    assert one.keys() == two.keys()
    for name, value in two.items():
        if "seconds" not in name and "decodes" not in name:
            close = one[name] == value or one[name] == pytest.approx(value or 0.0, rel=1e-3, abs=1e-5)
            assert close, (name, one[name], value)


def numbers(value: object, name: str = ""):
    """Leaves of nested dictionaries and lists."""
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers(item, f"{name}/{key}")
    elif not isinstance(value, str):
        yield name, value


def continue_on(numbers: tuple[int, ...], orders: int, tmp_path: Path) -> None:
    """On so many ranks, whatever number the records are of."""
    whole, cut = whole_and_cut(tmp_path)
    chance, script = random.Random(0), tmp_path / "many.py"
    script.write_text(MANY)
    for ranks in numbers:
        folders = [tmp_path / f"on{ranks}-{i}" for i in range(orders)]
        for folder in folders:
            shuffled(cut, folder, chance)
        start = time.monotonic()
        devices = [f"--trainer.devices={ranks}", "--trainer.strategy=ddp"]
        result = torchrun(ranks, script, json.dumps(list(map(str, folders))), *EXPLAIN, *devices, timeout=900)
        assert result.returncode == 0, result.stderr[-3000:]
        print(f"{orders} runs on {ranks} ranks: {time.monotonic() - start:.0f} s")
        for folder in folders:
            same(folder, whole)


def test_continued_on_other_numbers_of_ranks(in_digits_home: Path, tmp_path: Path) -> None:
    continue_on((3,), 1, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(2000)
def test_continued_on_other_numbers_of_ranks_in_twenty_orders(in_digits_home: Path, tmp_path: Path) -> None:
    continue_on((2, 3), 20, tmp_path)


FAULTY = """
import errno, os, time
import callbacks.result_writer as writer
import lightning_modules.counterfactual as counterfactual
import explain
from command_line import run

FAULT, RANK = {fault!r}, {rank!r}
merge, search = writer.merge, counterfactual.search

def here():
    return os.environ.get("LOCAL_RANK", "0") == RANK

def merged(*args):
    if FAULT == "sleep":
        time.sleep({seconds})
    if FAULT == "full disk":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return merge(*args)

def searched(*args):
    for finished in search(*args):
        if FAULT == "search" and here():
            raise RuntimeError("this search broke")
        if FAULT == "killed" and here():
            os.kill(os.getpid(), 9)
        yield finished

def begin(self, trainer, module):
    if FAULT == "start" and here():
        raise RuntimeError("this start broke")
    if FAULT == "start":
        time.sleep(600)

writer.merge, counterfactual.search = merged, searched
if FAULT == "start":
    writer.ResultWriter.on_predict_start = begin
run(explain.main)
"""


def faulty(tmp_path: Path, fault: str, rank: int = 0, seconds: float = 0, *args: str) -> tuple[str, int, float]:
    """explain.py on two ranks with a fault: what it printed, its exit code, and how long it took to end."""
    script = tmp_path / "faulty.py"
    script.write_text(FAULTY.format(fault=fault, rank=str(rank), seconds=seconds))
    start = time.monotonic()
    result = subprocess.run(
        [sys.executable, str(script), *EXPLAIN, *TWO, *args, f"--trainer.default_root_dir={tmp_path / 'run'}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert not processes_of(script), "no rank may be left behind"
    return result.stdout, result.returncode, time.monotonic() - start


def processes_of(script: Path) -> list[str]:
    """Whatever still runs it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\\0")
        except OSError:
            continue
        if str(script).encode() in words:
            found.append(entry.parent.name)
    return found


@pytest.mark.parametrize(
    "fault, rank, message",
    [
        pytest.param(
            "full disk", 0, "error: [Errno 28] No space left on device: make room there", marks=pytest.mark.slow
        ),
        *(pytest.param("start", rank, "RuntimeError: this start broke", marks=pytest.mark.slow) for rank in (0, 1)),
        pytest.param("search", 0, "RuntimeError: this search broke", marks=pytest.mark.slow),
        ("search", 1, "RuntimeError: this search broke"),
    ],
)
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes there")
def test_an_error_on_one_rank_ends_all(
    in_digits_home: Path, tmp_path: Path, fault: str, rank: int, message: str
) -> None:
    said, code, seconds = faulty(tmp_path, fault, rank)
    assert code != 0 and seconds < 60, "the others would have waited for half an hour"
    assert len(re.findall(f"^(\\[rank.\\]: )?{re.escape(message)}$", said, re.MULTILINE)) == 1, said[-3000:]
    if fault == "full disk":  # what was searched for is kept
        run_explain("digits/explain.yaml", *SHORT, f"--trainer.default_root_dir={tmp_path / 'run'}")
        assert len(pd.read_parquet(tmp_path / "run" / "counterfactuals.parquet")) == 10


def test_a_mistake_on_all_ranks_is_told_once(in_digits_home: Path, tmp_path: Path) -> None:
    said, code, _ = faulty(tmp_path, "none", 0, 0, "--data.predict_limit=1")
    told = "error: 1 samples cannot be shared by 2 ranks: use at most 1 devices"
    assert code == 1 and said.count(told) == 1, said[-3000:]


def clock(seconds: int) -> list[str]:
    """Collectives that give up so soon."""
    return [
        "--trainer.devices=2",
        "--trainer.strategy.class_path=pytorch_lightning.strategies.DDPStrategy",
        f"--trainer.strategy.init_args.timeout=0:00:{seconds:02d}",
    ]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_nobody_waits_in_a_collective_for_rank_zero(in_digits_home: Path, tmp_path: Path) -> None:
    said, code, seconds = faulty(tmp_path, "sleep", 0, 90, *clock(20))
    assert code == 0 and seconds > 90, said[-3000:]
    assert len(pd.read_parquet(tmp_path / "run" / "counterfactuals.parquet")) == 10


@pytest.mark.slow
def test_a_rank_that_is_killed_takes_nothing_along(in_digits_home: Path, tmp_path: Path) -> None:
    """Out of memory, say; the same command then finishes."""
    _, code, seconds = faulty(tmp_path, "killed", 1)
    assert code != 0 and seconds < 60
    run_explain("digits/explain.yaml", *SHORT, f"--trainer.default_root_dir={tmp_path / 'run'}")
    assert len(pd.read_parquet(tmp_path / "run" / "counterfactuals.parquet")) == 10
