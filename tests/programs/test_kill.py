"""explain.py killed at any moment goes on, and ends with the table of a run that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from results.journal import read_journal
from tests.programs.test_ranks import same
from tests.support.runs import NO_LOGGER, QUIET, ROOT, config

EXPLAIN = [
    sys.executable,
    str(ROOT / "explain.py"),
    config("digits/explain.yaml"),
    *QUIET,
    *NO_LOGGER,
    "--model.slots=8",
    "--model.method.init_args.max_steps=60",
    "--model.control.init_args.max_steps=60",
    "--model.paper_control=null",
    "--data.batch_size=500",
]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def bytes_written(folder: Path) -> int:
    return sum(f.stat().st_size for f in (folder / "shards").glob("*.journal"))


def run_and_kill(arguments: list[str], folder: Path, more_bytes: int) -> bool:
    """SIGKILL once the journals have grown by so much; False if the run ended before."""
    goal = bytes_written(folder) + more_bytes
    process = subprocess.Popen(
        arguments, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        while process.poll() is None and bytes_written(folder) < goal:
            time.sleep(0.001)
        killed = process.poll() is None
        if killed:
            os.killpg(process.pid, signal.SIGKILL)  # the other ranks are its children
    finally:
        process.wait()
    assert killed or process.returncode == 0, process.stderr.read().decode()[-2000:]
    return killed


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_stopped_it_says_how_to_go_on(in_digits_home: Path, tmp_path: Path, stop: signal.Signals) -> None:
    arguments = [*EXPLAIN, "--data.predict_limit=400", f"--trainer.default_root_dir={tmp_path}"]
    # A shell's background jobs ignore Ctrl-C, and so would what they start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(arguments, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    signal.signal(signal.SIGINT, before)
    while bytes_written(tmp_path) < 1000 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(stop)
    out, _ = process.communicate(timeout=60)
    assert process.returncode != 0, "it must not run to its end"
    assert "finished searches are kept in" in out and "the same command continues" in out


def same_results(folder: Path, whole: Path) -> None:
    """Every row once, and equal in all but the time it took."""
    again, table = (pd.read_parquet(f / "counterfactuals.parquet") for f in (folder, whole))
    columns = [c for c in table if "seconds" not in c and "decodes" not in c]
    pd.testing.assert_frame_equal(again[columns], table[columns], rtol=1e-4, atol=1e-5)
    assert not again.duplicated(["index", "target"]).any()


def kills(home: Path, number: int, arguments: list[str], seed: int = 0) -> int:
    """Kill a run ``number`` times at random moments, let it end, and compare; returns how many kills it took."""
    whole, cut = home / "whole", home / "cut"
    run = [*EXPLAIN, *arguments]
    subprocess.run([*run, f"--trainer.default_root_dir={whole}"], env=ENVIRONMENT, check=True, capture_output=True)
    total = (whole / "counterfactuals.safetensors").stat().st_size
    chance, killed = random.Random(seed), 0
    for _ in range(number):
        killed += run_and_kill(
            [*run, f"--trainer.default_root_dir={cut}"], cut, int(chance.random() * 2 * total / number)
        )
    kept = sum(len(r.explanation.index) for f in (cut / "shards").glob("*.journal") for r in read_journal(f))
    print(f"{killed} kills, {kept} searches kept before the last run")
    subprocess.run([*run, f"--trainer.default_root_dir={cut}"], env=ENVIRONMENT, check=True, capture_output=True)
    same_results(cut, whole)
    return killed


@pytest.mark.slow
def test_killed_on_two_ranks_it_goes_on_alone(in_digits_home: Path, tmp_path: Path) -> None:
    run = [*EXPLAIN, "--data.predict_limit=60"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*run, f"--trainer.default_root_dir={whole}"], env=ENVIRONMENT, check=True, capture_output=True)
    total = (whole / "counterfactuals.safetensors").stat().st_size
    ranks = ["--trainer.devices=2", "--trainer.strategy=ddp"]
    assert run_and_kill([*run, *ranks, f"--trainer.default_root_dir={cut}"], cut, total // 2)
    assert {f.name for f in (cut / "shards").glob("*.journal")} == {"rank0-0.journal", "rank1-0.journal"}
    subprocess.run([*run, f"--trainer.default_root_dir={cut}"], env=ENVIRONMENT, check=True, capture_output=True)
    same_results(cut, whole)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("before, after", [(2, 3), (3, 2)])
def test_killed_it_goes_on_on_one_rank_more_and_one_fewer(
    in_digits_home: Path, tmp_path: Path, before: int, after: int
) -> None:
    """Twice; the numbers of the summary are those of one process, too."""
    run = [*EXPLAIN, "--data.predict_limit=60"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*run, f"--trainer.default_root_dir={whole}"], env=ENVIRONMENT, check=True, capture_output=True)
    total = (whole / "counterfactuals.safetensors").stat().st_size
    for ranks in (before, after):
        arguments = [f"--trainer.devices={ranks}", "--trainer.strategy=ddp", f"--trainer.default_root_dir={cut}"]
        assert run_and_kill([*run, *arguments], cut, total // 4)
    start = time.monotonic()
    subprocess.run([*run, *arguments], env=ENVIRONMENT, check=True, capture_output=True)
    assert time.monotonic() - start < 60
    same(cut, whole)


@pytest.mark.slow  # tests/programs/test_faults.py steps through a run's end, always
def test_killed_twice(in_digits_home: Path, tmp_path: Path) -> None:
    assert kills(tmp_path, 2, ["--data.predict_limit=60"]) == 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_twenty_times(in_digits_home: Path, tmp_path: Path) -> None:
    """223 images into nine classes each: 2,007 searches, and as many in the control."""
    arguments = ["--data.predict_limit=223", "--model.target=counterfactuals.EveryOther"]
    assert kills(tmp_path, 20, arguments) >= 15
