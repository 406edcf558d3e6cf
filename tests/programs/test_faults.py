"""A run killed at, or refused, any of its file operations loses nothing, and never leaves two runs' files as one's."""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from callbacks import report
from networks import InputError
from networks.files import write_atomically
from report.command import rebuild
from results import lock
from results.generation import COMPLETE, STAGED, Manifest, record_report
from results.journal import Journal, Record
from results.reader import Results
from tests.support.faults import ROOM, Operations, explain_points, forked, full, kill

Build = Callable[..., Path]


def small_report(results: Results, *args: object) -> Path:
    """The file operations of a report without what it draws."""
    folder = results.folder
    (folder / "figures").mkdir(exist_ok=True)
    for name in ("figures/steps.png", "report.html"):
        write_atomically(folder / name, lambda file: file.write_text("drawn"))
    record_report(folder, ["figures/steps.png", "report.html"])
    return folder / "report.html"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "terminal_table", lambda summary: "")
    monkeypatch.setattr(lock, "BEAT", 1e9)


def searched(log: Path) -> Counter[tuple[str, int, int]]:
    """How often each search has been put into a journal."""
    return Counter(tuple(json.loads(line)) for line in log.read_text().splitlines()) if log.exists() else Counter()


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Written to by every search that ends, in whatever process."""
    file, append = tmp_path / "log", Journal.append

    def logged(self: Journal, record: Record) -> None:
        append(self, record)
        explanation = record.explanation
        with file.open("a") as f:
            for key in zip(explanation.index.tolist(), explanation.number.tolist(), strict=True):
                f.write(json.dumps([explanation.name, *key]) + "\n")

    monkeypatch.setattr(Journal, "append", logged)
    return file


def table_of(folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(folder / "counterfactuals.parquet")
    return table[[c for c in table if "seconds" not in c and "decodes" not in c]]


def check_whole(folder: Path, table: pd.DataFrame) -> None:
    """One run's files, all of them, and nothing besides."""
    pd.testing.assert_frame_equal(table_of(folder), table, rtol=1e-4, atol=1e-5)
    manifest = Manifest.read(folder)
    assert manifest is not None
    manifest.check(folder, manifest.files)
    names = {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()}
    assert names == {*manifest.files, *manifest.report, "manifest.json", ".lock"}
    assert "report.html" in names and "figures/heads.png" not in names


def readable(folder: Path) -> bool:
    """Whether somebody who looks now finds results, which then are one run's."""
    try:
        return Results(folder).summary["n"] > 0
    except InputError:
        return False


def operations(folder: Path, before: Path, kinds: tuple[str, ...]) -> int:
    """How many a run in a folder with an earlier one has."""
    shutil.copytree(before, folder)

    def run() -> None:
        with Operations(folder, 10**9, kill, kinds) as counted:
            explain_points(folder)
        (folder / "operations").write_text(str(counted.count))

    assert forked(run) == 0
    return int((folder / "operations").read_text())


def step_through(
    tmp_path: Path, log: Path, fault: Callable[[], None], kinds: tuple[str, ...], step: int = 1
) -> tuple[int, int]:
    """A fault at the first, second, third … operation of a run; then the run again, and a look at what is there.

    Returns:
        operations of the run, and after how many of the faults somebody could have read results.
    """
    table, before, folder = tmp_path / "whole", tmp_path / "before", tmp_path / "run"
    explain_points(table)
    expected = table_of(table)
    explain_points(before, steps=5)  # an earlier run with a figure that the new one does not have
    (before / "figures" / "heads.png").write_bytes(b"PNG")
    total, legible = operations(tmp_path / "counted", before, kinds), 0
    for number in range(1, total + 1, step):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(before, folder)
        log.unlink(missing_ok=True)

        def run(number: int = number) -> None:
            with Operations(folder, number, fault, kinds):
                explain_points(folder)

        assert forked(run) != 0
        legible += readable(folder)
        finished = not (folder / "shards").exists() and searched(log).total() == 2 * len(expected)
        assert forked(lambda: explain_points(folder)) == 0, f"stopped at operation {number}, it does not go on"
        check_whole(folder, expected)
        if not finished:
            assert set(searched(log).values()) == {1}, f"stopped at operation {number}, it searched twice"
            assert searched(log).total() == 2 * len(expected)
    return total, legible


def test_killed_at_every_fifth_operation(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "write_report", small_report)
    total, legible = step_through(tmp_path, log, kill, (), 5)
    assert total > 30 and legible > 2


def test_a_full_disk_at_every_fifth_operation(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "write_report", small_report)
    total, _ = step_through(tmp_path, log, full, ROOM, 5)
    assert total > 15


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fault, kinds", [(kill, ()), (full, ROOM)], ids=["killed", "full disk"])
def test_at_every_operation_with_the_whole_report(
    tmp_path: Path, log: Path, fault: Callable[[], None], kinds: tuple[str, ...]
) -> None:
    total, legible = step_through(tmp_path, log, fault, kinds)
    print(f"{total} operations, after {legible} of which there were results to read")


def test_the_report_finishes_what_was_killed_while_files_were_moved(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    folder, rename = tmp_path / "run", Path.replace
    moved: list[int] = []

    def killed(self: Path, target: Path) -> Path:
        moved.append(COMPLETE in self.parts)
        if sum(moved) == 3:
            kill()
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        assert forked(lambda: explain_points(folder)) == 9
    with pytest.raises(InputError, match=r"was killed while its files were moved into place: python explain.py report"):
        Results(folder)
    rebuild([str(folder)])
    assert readable(folder) and not any((folder / name).exists() for name in (COMPLETE, STAGED, "shards"))
    assert (folder / "report.html").is_file() and "report:" in capsys.readouterr().out
    check_whole(folder, table_of(folder))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_disk_that_fills_up(tmp_path: Path, log: Path) -> None:
    """A small one in memory, which then becomes larger; in the middle of writes, too."""
    table, disk = tmp_path / "whole", tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        explain_points(table)
        stopped = 0
        for kilobytes in range(4, 160, 8):
            log.unlink(missing_ok=True)
            shutil.rmtree(disk / "run", ignore_errors=True)
            remount(disk, f"{kilobytes}k")
            stopped += forked(lambda: explain_points(disk / "run")) != 0
            remount(disk, "8m")
            assert forked(lambda: explain_points(disk / "run")) == 0
            check_whole(disk / "run", table_of(table))
            assert set(searched(log).values()) in ({1}, {2}) and stopped
        print(f"the disk was full {stopped} times")
        assert stopped > 8
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def remount(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)
