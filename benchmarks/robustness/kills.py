"""explain.py killed at random moments, and several of it at once in one folder.

    python benchmarks/robustness/kills.py --kills 100 --offsets 20

Run where ``make demo`` has trained its digits (or ``--home`` elsewhere). Every command line is a forked copy of this
process, which has imported everything: a kill then falls into the run and not into its imports. The report's two slow
figures are left out for the same reason. A third of the kills fall into the last second of a run. After each kill the
same command runs again.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd

import explain
from command_line import run
from report import page
from results.generation import Manifest
from results.journal import Journal, Record

CONFIG = Path(__file__).parents[2] / "configs" / "digits" / "explain.yaml"
SHORT = (
    *("--model.slots=4", "--data.batch_size=500", "--data.predict_limit=8", "--model.objective.confidence=0.6"),
    '--trainer.callbacks=[{"class_path": "callbacks.OracleAccuracy", "init_args": {"oracles": {"svm": "runs/digits/svm/'
    'best.ckpt"}}}, {"class_path": "callbacks.Realism"}]',
    *("--model.method.max_steps=30", "--model.control.max_steps=30", "--model.paper_control=null"),
    "--trainer.accelerator=cpu",
    *("--trainer.logger=false", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"),
)


def start(folder: Path, log: Path) -> int:
    """An explain run in a process of its own; ``log`` gets a line for every search that it ends."""
    if child := os.fork():
        return child
    append = Journal.append

    def logged(self: Journal, record: Record) -> None:
        append(self, record)
        name, e = record.explanation.name, record.explanation
        with log.open("a") as f:
            f.writelines(f"{name} {i} {n}\n" for i, n in zip(e.index.tolist(), e.number.tolist(), strict=True))

    Journal.append = logged  # type: ignore[method-assign]
    page.save_examples, page.mean_changes = (lambda results: None), (lambda results: [])  # type: ignore[assignment]
    code = 1
    with log.with_suffix(f".{os.getpid()}").open("w") as said, contextlib.suppress(BaseException):
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        sys.stdout = sys.stderr = said
        try:
            run(lambda: explain.main([f"--config={CONFIG}", *SHORT, f"--trainer.default_root_dir={folder}"]))
            code = 0
        except SystemExit as stop:
            print(stop.code)
    os._exit(code)


def wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def said(log: Path, child: int) -> str:
    return log.with_suffix(f".{child}").read_text()


def fresh(folder: Path) -> Path:
    """An empty folder's log."""
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.parent.mkdir(parents=True)
    return folder.parent / "log"


def searches(log: Path) -> Counter[str]:
    return Counter(log.read_text().splitlines() if log.exists() else [])


def problems(folder: Path, table: pd.DataFrame) -> list[str]:
    """What is not as an undisturbed run leaves it."""
    found = []
    manifest = Manifest.read(folder)
    if manifest is None:
        return ["no manifest"]
    manifest.check(folder, manifest.files)
    left = {f.name for f in folder.iterdir()} - {".lock", "manifest.json", "figures"}
    if left != {n.split("/")[0] for n in (*manifest.files, *manifest.report)} - {"figures"}:
        found.append(f"files {sorted(left)}")
    try:
        pd.testing.assert_frame_equal(table_of(folder), table, rtol=1e-4, atol=1e-5)
    except AssertionError as error:
        found.append(f"another table: {error}")
    return found


def table_of(folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(folder / "counterfactuals.parquet")
    return table[[c for c in table if "seconds" not in c and "decodes" not in c]]


def killed(folder: Path, table: pd.DataFrame, moment: float) -> tuple[str, list[str]]:
    """When the kill fell, and what was wrong after the same command."""
    log = fresh(folder)
    child = start(folder, log)
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    if wait(child) == 0:
        when = "after the end"
    elif (folder / "shards").is_dir():
        when = "while it searched" if searches(log).total() < 2 * len(table) else "at the end"
    else:
        when = "at the end" if searches(log) else "before its first search"
    again = searches(log).total() if (folder / "shards").is_dir() else 0
    second = start(folder, log)
    if wait(second):
        return when, [said(log, second)[-300:]]
    wrong = problems(folder, table)
    if again and set(searches(log).values()) != {1}:
        wrong.append("searched twice")
    return when, wrong


def at_once(folder: Path, table: pd.DataFrame, offsets: list[float]) -> tuple[str, list[str]]:
    """How several runs that begin so many seconds apart ended, and what was wrong."""
    log = fresh(folder)
    children = []
    for offset in offsets:
        time.sleep(offset)
        children.append(start(folder, log))
    codes = [wait(child) for child in children]
    refused = [said(log, child) for child, code in zip(children, codes, strict=True) if code]
    wrong = [text[-300:] for text in refused if "is in use by process" not in text or "Traceback" in text]
    wrong += problems(folder, table)
    times = set(searches(log).values())
    ran = len(codes) - len(refused)
    if times != {ran}:  # one that begins after another's end is a run of its own
        wrong.append(f"{ran} runs, and searches {times} times")
    return f"{ran} ran, {len(refused)} refused", wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--offsets", type=int, default=20)
    parser.add_argument("--home", type=Path, default=Path(), help="where runs/digits is")
    parser.add_argument("--scratch", type=Path, default=Path("runs/kills"))
    given = parser.parse_args()
    os.chdir(given.home)
    folder, whole = given.scratch.resolve() / "run" / "out", given.scratch.resolve() / "whole" / "out"
    took = 0.0
    for _ in range(2):  # the first fills the cache
        begin = time.perf_counter()
        log = fresh(whole)
        child = start(whole, log)
        if wait(child):
            raise SystemExit(said(log, child))
        took = time.perf_counter() - begin
    table = table_of(whole)
    print(f"a run of {2 * len(table)} searches takes {took:.1f} s")
    chance, outcomes, wrong = random.Random(0), Counter[str](), list[str]()
    for trial in range(given.kills):
        moment = took - chance.random() if trial % 3 == 0 else took * chance.random()
        when, found = killed(folder, table, moment)
        outcomes[when] += 1
        wrong += found
    print(f"{given.kills} kills: {dict(outcomes)}; wrong afterwards: {wrong or 'nothing'}")
    for number in (2, 3):
        outcomes, wrong = Counter(), []
        for trial in range(given.offsets):
            ended, found = at_once(folder, table, [0.0] + [took * trial / given.offsets / (number - 1)] * (number - 1))
            outcomes[ended] += 1
            wrong += found
        print(f"{number} at once, {given.offsets} offsets: {dict(outcomes)}; wrong afterwards: {wrong or 'nothing'}")


if __name__ == "__main__":
    main()
