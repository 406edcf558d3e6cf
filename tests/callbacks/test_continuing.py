"""What a run that goes on keeps, searches again, measures anew, and refuses."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor

from callbacks import report
from networks import InputError
from results import generation
from results.journal import Journal, Record, read_journal
from tests.support.faults import Figure, explain_points, points


@pytest.fixture(autouse=True)
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report.Report, "on_predict_end", lambda *args: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def stop(folder: Path, searches: int = 5, error: type[BaseException] = KeyboardInterrupt, **given: object) -> None:
    """A run that ends so soon."""
    append, ended = Journal.append, []

    def append_or_stop(self: Journal, record: Record) -> None:
        if len(ended) + len(record.samples) > searches:
            raise error
        ended.extend(record.samples.tolist())
        append(self, record)

    with pytest.MonkeyPatch.context() as patch, pytest.raises((SystemExit, error)):
        patch.setattr(Journal, "append", append_or_stop)
        explain_points(folder, **given)


def written(folder: Path) -> list[tuple[str, int]]:
    """Result and position of every search in the journals, as often as it is there."""
    records = [r for j in sorted((folder / "shards").glob("*.journal")) for r in read_journal(j)]
    return [(r.explanation.name, i) for r in records for i in r.explanation.index.tolist()]


def table_of(folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(folder / "counterfactuals.parquet")
    return table[[c for c in table if "seconds" not in c and "decodes" not in c]]


def same(folder: Path, **given: object) -> None:
    """As a run that was left alone."""
    explain_points(folder.with_name("whole"), **given)
    pd.testing.assert_frame_equal(table_of(folder), table_of(folder.with_name("whole")), rtol=1e-4, atol=1e-5)


def test_other_measures_keep_the_searches(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stop(folder)
    kept = written(folder)
    capsys.readouterr()
    stop(folder, 2, scale=3.0)  # killed while it measured anew
    said = capsys.readouterr().out
    explain_points(folder, scale=3.0)
    again = capsys.readouterr().out
    assert "5 finished searches are kept" in said and len(kept) == 5
    assert "Continuing: 5 searches of an earlier run are kept, 3 of them measured anew\n" in again
    same(folder, scale=3.0)
    table = table_of(folder)
    assert (table["margin"] == 3 * table["confidence"]).all()


def test_which_measures_changed_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stop(folder)
    explain_points(folder, scale=3.0)
    said = capsys.readouterr().out
    assert (
        "5 searches of an earlier run are kept, 5 of them measured anew, since callbacks.scale was 1.0 and is" in said
    )


def test_other_searches_are_refused(folder: Path) -> None:
    stop(folder)
    before = written(folder)
    with pytest.raises(InputError, match=r"would not continue: model.steps was 20 and is 21\. Finish it with its own"):
        explain_points(folder, steps=21)
    with pytest.raises(InputError, match=r"the predictor was .* and is"):
        explain_points(folder, seed=1)
    assert written(folder) == before
    explain_points(folder)
    same(folder)


@pytest.mark.parametrize("run", ["replaced", "removed", "added", "shifted"])
def test_samples_that_change_cost_their_own_searches_alone(
    folder: Path, capsys: pytest.CaptureFixture[str], run: str
) -> None:
    x = points(6)
    changes: dict[str, Callable[[], Tensor]] = {
        "replaced": lambda: torch.cat([x[:1], x[1:2] + 1, x[2:]]),
        "removed": lambda: x[torch.tensor([0, 2, 3, 4, 5])],
        "added": lambda: torch.cat([x[:3] + 9, x]),
        "shifted": lambda: x.flip(0),
    }
    stop(folder, 8, x=x)
    kept = written(folder)
    gone = sum(index == 1 for _, index in kept) if run in ("replaced", "removed") else 0
    assert gone or run in ("added", "shifted")
    changed = changes[run]()
    capsys.readouterr()
    searched = count_searches(lambda: explain_points(folder, changed))
    said = capsys.readouterr().out
    assert f"Continuing: {len(kept) - gone} searches of an earlier run are kept" in said
    assert (f"{gone} are of samples that have been changed or removed since" in said) == bool(gone)
    assert searched == 2 * len(changed) - (len(kept) - gone)
    same(folder, x=changed)


def count_searches(act: Callable[[], None]) -> int:
    from lightning_modules import counterfactual

    search, number = counterfactual.search, []

    def counted(*args: object) -> object:
        for ended in search(*args):  # type: ignore[arg-type]
            number.append(len(ended.rows))
            yield ended

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counterfactual, "search", counted)
        act()
    return sum(number)


def test_another_data_set_is_refused(folder: Path) -> None:
    stop(folder)
    before = written(folder)
    with pytest.raises(InputError, match=r"holds 5 searches of an unfinished run, and none of their samples is in the"):
        explain_points(folder, points(9)[5:])
    explain_points(folder)
    same(folder)
    assert len(before) == 5


def damaged(folder: Path, kind: str) -> None:
    shards = folder / "shards"
    journal = next(shards.glob("*.journal"))
    match kind:
        case "stray":
            (shards / "notes.journal").write_text("my notes")
        case "copy":
            shutil.copy(journal, shards / "rank0-0 (copy).journal")
        case "folder":
            (shards / "rank9-0.journal").mkdir()
        case "link":
            (shards / "rank9-0.journal").symlink_to(journal)
        case "no run":
            (shards / "run.json").unlink()
        case "older":
            (shards / "run.json").write_text('{"model.steps": "20"}')
        case "shards":
            shards.rename(folder / "elsewhere")
            shards.symlink_to(folder / "elsewhere")
        case "file":
            shards.rename(folder / "elsewhere")
            shards.write_text("")
        case _:
            (shards / "run.json").write_bytes(kind.encode())


@pytest.mark.parametrize(
    "kind, told",
    [
        ("stray", "notes.journal' is no journal of a run, which is a file with a name like rank0-0.journal: move it"),
        ("copy", r"rank0-0 \(copy\).journal' is no journal of a run"),
        ("folder", "rank9-0.journal' is no journal of a run"),
        ("link", "rank9-0.journal' is no journal of a run"),
        ("no run", "shards' holds journals, and no run.json that says of which run: put it back, or delete that"),
        ("older", "holds an unfinished run of another version of this program: finish it with that one"),
        ("shards", "shards' is a symbolic link, and a run makes a folder of its own there: move it away"),
        ("file", "shards' is a file, and a run makes a folder of its own there: move it away"),
        *((broken, "run.json' is damaged, so that nothing says of which run") for broken in ("{", "[]", "")),
        ('{"version": 5, "searches": 5}', "run.json' is damaged"),
        ('{"version": 5, "searches": {}, "measures": [1]}', "run.json' is damaged"),
        ("[" * 100_000, "run.json' is damaged"),
    ],
)
def test_a_damaged_folder_is_one_sentence_before_anything_is_searched(folder: Path, kind: str, told: str) -> None:
    stop(folder)
    before = sorted(f.name for f in (folder / "shards").iterdir())
    damaged(folder, kind)
    assert count_searches(lambda: refused(folder, told)) == 0
    if kind not in ("shards", "file"):
        assert set(before) - {"run.json"} <= {f.name for f in (folder / "shards").iterdir()}, "nothing was removed"


def refused(folder: Path, told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        explain_points(folder)
    assert "\n" not in str(error.value)


def test_journals_that_came_twice_or_from_elsewhere(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stop(folder)
    journal, kept = next((folder / "shards").glob("*.journal")), len(written(folder))
    shutil.copy(journal, folder / "shards" / "rank5-0.journal")
    other = folder.with_name("other")
    stop(other)
    foreign = folder / "shards" / "rank6-0.journal"
    shutil.copy(next((other / "shards").glob("*.journal")), foreign)
    with pytest.raises(InputError, match=r"rank6-0\.journal' is a journal of another run: move it away"):
        explain_points(folder)
    foreign.unlink()
    capsys.readouterr()
    explain_points(folder)
    said = capsys.readouterr().out
    assert f"Continuing: {kept} searches of an earlier run are kept; {kept} stood there more than once" in said
    same(folder)


def test_a_flipped_byte_costs_one_record_and_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stop(folder, 7)
    journal = next((folder / "shards").glob("*.journal"))
    records, data = list(read_journal(journal)), bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(data)
    capsys.readouterr()
    explain_points(folder)
    said = capsys.readouterr().out
    assert len(records) > 2 and len(re.findall("is damaged from byte .* what was there is searched again", said)) == 1
    same(folder)


def test_a_strangers_file_among_the_journals_stays(folder: Path) -> None:
    stop(folder)
    (folder / "shards" / "notes.txt").write_text("mine")
    explain_points(folder)
    assert [f.name for f in (folder / "shards").iterdir()] == ["notes.txt"]
    same(folder)


@pytest.mark.parametrize(
    "error, words",
    [
        (KeyboardInterrupt, r"5 finished searches are kept in \S+; the same command continues"),
        (RuntimeError, r"5 finished searches are kept in \S+; once what failed is mended, the same command continues"),
        (InputError, r"5 finished searches are kept in \S+; once what failed is mended, the same command continues"),
    ],
)
def test_what_is_said_when_it_stops(
    folder: Path, capsys: pytest.CaptureFixture[str], error: type[BaseException], words: str
) -> None:
    """A crash comes again at the same place unless something is mended."""
    stop(folder, error=error)
    assert re.search(f"Stopped: {words}\n", capsys.readouterr().out)


def test_a_measure_that_fails_at_the_end_loses_no_search(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(ArithmeticError):
        patch.setattr(Figure, "on_predict_epoch_end", lambda *args: 1 // 0)
        explain_points(folder)
    said = capsys.readouterr().out
    assert "all searches have ended, and 8 finished searches are kept in" in said
    assert "once what failed is mended, the same command ends the run" in said
    assert count_searches(lambda: explain_points(folder, scale=2.0)) == 0, "with another measure"
    assert table_of(folder)["margin"].tolist() == (2 * table_of(folder)["confidence"]).tolist()


def test_a_finished_run_whose_journals_were_left_does_not_keep_others_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the report was there."""
    with monkeypatch.context() as patch:
        patch.setattr(generation, "is_of", lambda *args: True)
        patch.setattr("results.shards.Shards.remove", lambda self: None)
        explain_points(folder)
    (folder / "report.html").write_text("drawn")
    run = json.loads((folder / "shards" / "run.json").read_text())["id"]
    assert generation.is_of(folder, run)
    explain_points(folder, steps=7)
    assert not (folder / "shards").exists()
    same(folder, steps=7)
