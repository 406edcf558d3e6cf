"""benchmarks/gpu.py, which is for a machine that is at hand for minutes, runs to its end on any other."""

import json
from pathlib import Path

import pytest

from benchmarks import gpu


def test_every_part_finds_something(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end:
        gpu.main(["--tiny", "--out", str(tmp_path / "gpu.json")])
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert end.value.code == 0, {name: part.get("error") for name, part in found.items()}
    assert list(found) == list(gpu.PARTS) and all(part["rows"] for part in found.values())
    rows = found["charts"]["rows"]
    assert len(rows) == 4 * len(gpu.PRECISIONS) and all(row["search_step_ms"] > 0 for row in rows)
    assert found["strangers"]["rows"][0]["flipped"] == 8
    assert [row["command"] for row in found["demo"]["rows"]][-1] == "explain"
    assert "### charts\n\n| chart | precision |" in capsys.readouterr().out


def test_a_part_that_fails_keeps_what_it_had_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(size: gpu.Size):
        yield {"first": 1}
        raise RuntimeError("broke here")

    monkeypatch.setitem(gpu.PARTS, "numerics", breaks)
    with pytest.raises(SystemExit, match="failed: numerics"):
        gpu.main(["--tiny", "--parts", "numerics", "machine", "--out", str(tmp_path / "gpu.json")])
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["numerics"]["rows"] == [{"first": 1}] and "broke here" in found["numerics"]["error"]
    assert found["machine"]["rows"]


def test_nothing_begins_when_time_is_over(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="failed: machine"):
        gpu.main(["--tiny", "--parts", "machine", "--minutes", "0", "--out", str(tmp_path / "gpu.json")])
    assert "not begun: 0 minutes are over" in json.loads((tmp_path / "gpu.json").read_text())["machine"]["error"]
