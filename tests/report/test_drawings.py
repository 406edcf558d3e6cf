from pathlib import Path

from report.drawings import DRAWINGS, draw_all, save_examples
from results.reader import Results
from tests.report.synthetic import write_run


def test_every_drawing_is_saved_and_shown(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=60, size=8))
    drawn = draw_all(results)
    titles = {title for title, _, _ in DRAWINGS.values()}
    missing = titles - {d.title for d in drawn}
    of_others = ("relaxation", "relaxation_shares", "dose_strips", "dose_curve")  # of other methods, and of values
    assert missing == {DRAWINGS[name][0] for name in of_others} and all("<svg" in d.body for d in drawn)
    saved = {file.stem for file in (results.folder / "figures").glob("*.pdf")}
    assert len(saved) == len(drawn) and saved <= set(DRAWINGS)


def test_what_has_no_data_is_not_drawn(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=60, size=8))
    results.table = results.table[[c for c in results.table if "neighbour" not in c and "_class" not in c]]
    titles = {d.title for d in draw_all(results)}
    assert not titles & {DRAWINGS["neighbours"][0], DRAWINGS["distances"][0]} and DRAWINGS["steps"][0] in titles


def test_figures_that_callbacks_have_left_come_last(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=60, size=8))
    save_examples(results)
    figures = results.folder / "figures"
    (figures / "tangent_directions.png").write_bytes((figures / "examples.png").read_bytes())
    drawn = draw_all(results)
    assert drawn[-1].title == "Tangent directions" and "Examples" not in {d.title for d in drawn}
