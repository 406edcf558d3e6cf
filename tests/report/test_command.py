"""``explain.py report`` from the outside."""

import shutil
from pathlib import Path

import pytest

import explain
from command_line import run
from report import page
from tests.report.synthetic import write_run


def message(*words: str) -> str:
    with pytest.raises(SystemExit) as stop:
        run(lambda: explain.main(["report", *words]))
    return str(stop.value.code)


def test_rebuilds_page_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = write_run(tmp_path / "run", n=30, size=8)
    explain.main(["report", str(folder)])
    assert str(folder / "report.html") in capsys.readouterr().out
    assert "class 3" in (folder / "report.html").read_text()
    names = {"examples", "mean_change", "oracles", "neighbours", "distances", "steps", "spectrum"}
    assert {f.name for f in (folder / "figures").iterdir()} == {f"{n}.{kind}" for n in names for kind in ("png", "pdf")}


def test_wrong_use_is_one_clear_error(tmp_path: Path) -> None:
    assert message(str(tmp_path / "nowhere")).startswith(f"error: no folder '{tmp_path / 'nowhere'}'")
    for words in ((), ("a", "b"), ("a", "--max_cards=3"), ("--max_cards=3",)):
        text = message(*words)
        assert text.startswith("error: report takes one results folder and nothing else") and "\n" not in text
        assert (" ".join(words) or "none") in text
    assert not list(tmp_path.iterdir()), "not even a lock"
    (tmp_path / "shards").mkdir()
    text = message(str(tmp_path))
    assert "an unfinished run (" in text and "finish it with its own command" in text and "\n" not in text


def test_help(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stop:
        explain.main(["report", "--help"])
    assert stop.value.code == 0 and "explain.py report" in capsys.readouterr().out


def test_a_link_in_place_of_the_page_is_replaced_and_one_of_figures_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slow, nothing in (("save_examples", None), ("mean_changes", [])):
        monkeypatch.setattr(page, slow, lambda *given, nothing=nothing: nothing)
    folder, bashrc = write_run(tmp_path / "run", n=12, size=8), tmp_path / "bashrc"
    bashrc.write_text("mine")
    (folder / "report.html").symlink_to(bashrc)
    (folder / "figures").mkdir()
    (folder / "figures" / "steps.png").symlink_to(bashrc)
    explain.main(["report", str(folder)])
    assert bashrc.read_text() == "mine" and not (folder / "report.html").is_symlink()
    shutil.rmtree(folder / "figures")
    (tmp_path / "elsewhere").mkdir()
    (folder / "figures").symlink_to(tmp_path / "elsewhere")
    assert "figures' is a symbolic link, and a run makes a folder of its own there: move" in message(str(folder))
    assert not list((tmp_path / "elsewhere").iterdir())
