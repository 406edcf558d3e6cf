import time
from collections.abc import Iterator

import pytest
import torch

from counterfactuals import PixelChart, explain, progress
from counterfactuals.progress import Progress, track


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Seconds, to be set; and a log instead of a terminal."""
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress, "watched", lambda: False)
    yield now


def lines(clock: list[float], seconds: list[float], total: int | None, capsys: pytest.CaptureFixture) -> list[str]:
    """What a log holds where the parts end after so many seconds."""
    clock[0] = 0.0
    with Progress("searches", total) as bar:
        for clock[0] in seconds:
            bar.advance()
    return capsys.readouterr().err.splitlines()


def test_a_log_has_a_line_every_tenth_but_none_within_ten_seconds(clock: list[float], capsys) -> None:
    assert lines(clock, [0.09 * i for i in range(1, 101)], 100, capsys) == [], "over within ten seconds"
    slow = lines(clock, [3.0 * i for i in range(1, 101)], 100, capsys)
    assert len(slow) == 10 and slow[0] == "searches: 10 of 100 (10%) in 30 s, about 4 min to go"
    assert len(lines(clock, [0.5 * i for i in range(1, 101)], 100, capsys)) == 5, "a tenth takes five seconds"


def test_a_log_has_a_line_a_minute(clock: list[float], capsys) -> None:
    said = lines(clock, [20.0 * i for i in range(1, 31)], 10_000, capsys)
    assert len(said) == 10 and said[0] == "searches: 3 of 10,000 (0%) in 60 s, about 55 h to go"
    assert lines(clock, [70.0], None, capsys) == ["searches: 1 in 70 s"], "nobody knows how many"


def test_a_log_has_a_line_a_minute_even_where_nothing_ends(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(progress, "watched", lambda: False)
    monkeypatch.setattr(progress, "LATE", 0.05)
    with Progress("searches", 9):
        time.sleep(0.3)
    said = capsys.readouterr().err.splitlines()
    assert 2 <= len(said) <= 6 and said[0] == "searches: 0 of 9 (0%) in 0 s"
    time.sleep(0.1)
    assert capsys.readouterr().err == "", "it ends with what it is about"


def test_what_stays_says_its_end(clock: list[float], capsys: pytest.CaptureFixture) -> None:
    with Progress("searches", 2, stay=True, done=1) as bar:
        clock[0] = 12.0
        bar.advance(1, "9 steps")
    assert capsys.readouterr().err == "searches: 2 of 2 (100%) in 12 s, 9 steps\n"


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(progress, "watched", lambda: True)
    with Progress("searches", 2, stay=True) as bar:
        bar.advance(2, "9 steps")
    assert "2/2" in (shown := capsys.readouterr().err) and "9 steps" in shown
    with Progress("searches", 2, shown=False, stay=True) as bar:
        bar.advance(2)
    assert capsys.readouterr().err == ""


def test_parts_come_in_order(clock: list[float]) -> None:
    assert list(track([3, 1, 2], "parts")) == [3, 1, 2]


def test_explain_counts_its_searches(clock: list[float], capsys: pytest.CaptureFixture) -> None:
    predictor = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    clock[0] = 0.0
    explain(predictor, PixelChart((1, 2, 2)), torch.rand(5, 1, 2, 2), 1, progress=True)
    assert "searches: 5 of 5 (100%)" in (said := capsys.readouterr().err) and "% flipped" in said
    explain(predictor, PixelChart((1, 2, 2)), torch.rand(5, 1, 2, 2), 1)
    assert not capsys.readouterr().err
