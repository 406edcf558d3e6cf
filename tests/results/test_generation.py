"""Staging, commit and what is left, one file operation after the other."""

import shutil
from pathlib import Path

import pytest

from networks import InputError
from results import generation
from results.generation import COMPLETE, MANIFEST, STAGED, Manifest, begin, commit, files_of, record_report, settle
from tests.support.faults import Operations, forked, kill

OLD = {"summary.json": "old", "figures/heads.png": "old", "table": "old", "tangents/explained.pt": "old"}
NEW = {"summary.json": "new", "figures/path.gif": "new", "table": "new", "deep/er/file": "new"}


def run(folder: Path, files: dict[str, str], name: str) -> None:
    staged = begin(folder)
    for file, text in files.items():
        (staged / file).parent.mkdir(parents=True, exist_ok=True)
        (staged / file).write_text(text)
    commit(folder, name)
    (folder / "report.html").write_text(name)
    record_report(folder, ["report.html"])


def content(folder: Path) -> dict[str, str]:
    names = {str(f.relative_to(folder)): f for f in folder.rglob("*") if f.is_file()}
    return {name: f.read_text() for name, f in names.items() if name not in (MANIFEST, "mine.txt", "figures/mine.png")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With an earlier run's files, and a stranger's."""
    folder = tmp_path / "run"
    run(folder, OLD, "first")
    for name in ("mine.txt", "figures/mine.png"):
        (folder / name).write_text("mine")
    return folder


def test_killed_at_every_operation(folder: Path, tmp_path: Path) -> None:
    """Old or new, whole, once somebody has looked after it; and a new run can begin."""
    before, number, states = content(folder), 0, []
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    while True:
        number += 1

        def killed(number: int = number) -> None:
            with Operations(folder, number, kill):
                run(folder, NEW, "second")

        code = forked(killed)
        settle(folder)
        shutil.rmtree(folder / STAGED, ignore_errors=True)
        found = content(folder)
        report = found.pop("report.html", None)
        assert found in (NEW, {k: v for k, v in before.items() if k != "report.html"})
        assert report in ({None, "second"} if found == NEW else {"first"}), "an old report beside new results"
        manifest = Manifest.read(folder)
        assert manifest is not None and manifest.run == ("second" if found == NEW else "first")
        manifest.check(folder, manifest.files)
        assert (folder / "mine.txt").read_text() == (folder / "figures" / "mine.png").read_text() == "mine"
        states.append(found == NEW)
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        if code == 0:
            break
    assert number > 30 and states == sorted(states) and 0 < sum(states) < number


def test_nothing_is_written_or_removed_through_a_link(folder: Path, tmp_path: Path) -> None:
    bashrc = tmp_path / "bashrc"
    bashrc.write_text("mine")
    for name in ("summary.json", "report.html", "table"):
        (folder / name).unlink()
        (folder / name).symlink_to(bashrc)
    run(folder, NEW, "second")
    assert bashrc.read_text() == "mine" and not (folder / "summary.json").is_symlink()
    assert content(folder) == {**NEW, "report.html": "second"}


@pytest.mark.parametrize("name", ["figures", "tangents", "shards", STAGED, COMPLETE])
def test_a_link_in_place_of_a_folder_is_told(folder: Path, tmp_path: Path, name: str) -> None:
    shutil.rmtree(folder / name, ignore_errors=True)
    (tmp_path / "elsewhere").mkdir()
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(
        InputError, match=f"{name}' is a symbolic link, and a run makes a folder of its own there: move"
    ):
        begin(folder)
    (folder / name).unlink()
    (folder / name).write_text("")
    with pytest.raises(InputError, match=f"{name}' is a file, and a run makes a folder of its own there: move it away"):
        begin(folder)


def test_a_folder_in_place_of_a_file_is_told(folder: Path) -> None:
    (folder / "report.html").unlink()
    (folder / "report.html").mkdir()
    with pytest.raises(InputError, match=r"report.html' is a folder, and a run writes a file there: move it away"):
        begin(folder)


@pytest.mark.parametrize("name", ["../victim", "/tmp/victim", "figures/../../victim", "link/victim", ""])
def test_a_manifest_names_nothing_outside(folder: Path, tmp_path: Path, name: str) -> None:
    """One from a stranger, by which files would be removed or shown."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (folder / "link").symlink_to(tmp_path)
    manifest = Manifest.read(folder)
    assert manifest is not None
    Manifest("x", {**manifest.files, name: (4, "")}, (name,)).write(folder)
    with pytest.raises(InputError, match=r"names .* which is not in that folder: do not trust it"):
        files_of(folder)
    run(folder, NEW, "second")
    assert victim.read_text() == "mine" and {k: v for k, v in content(folder).items() if k in NEW} == NEW


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"files": 1}', '{"run": 1, "files": {"a": 1}, "report": []}'])
def test_a_damaged_manifest(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=r"manifest.json' is damaged: delete it where you trust the other files"):
        Manifest.read(folder)
    run(folder, NEW, "second")
    assert content(folder)["summary.json"] == "new"


def test_a_file_of_another_run_is_told(folder: Path) -> None:
    manifest = Manifest.read(folder)
    assert manifest is not None
    manifest.check(folder, ["summary.json", "not listed"])
    (folder / "summary.json").write_text("odd")
    with pytest.raises(InputError, match=r"summary.json' is not what its run has left: it was changed, is damaged, or"):
        manifest.check(folder, ["summary.json"])


def test_partial_files_of_killed_processes_go(folder: Path) -> None:
    (folder / ".report.html.77.partial").write_text("<html")
    (folder / "figures" / ".steps.png.77.partial").write_text("PNG")
    settle(folder)
    assert not [f for f in folder.rglob(".*") if f.name != generation.STAGED]
