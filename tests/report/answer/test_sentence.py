"""The answer, word for word, in all that a run may be."""

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest

from report.answer.sentence import answer
from results.reader import Results
from tests.report.synthetic import write_run


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return Results(write_run(tmp_path_factory.mktemp("sentence") / "run", n=8, size=8))


def first(n: int, of: int, yes: Any, no: Any) -> list[Any]:
    return [yes] * of + [no] * (n - of)


def columns(prefix: str, n: int, flipped: int, spared: int, votes: dict[str, int], green: int | None) -> dict[str, Any]:
    """Of one result: the first rows flipped, the last were not searched; each oracle agrees on the first rows."""
    status = [*first(n - spared, flipped, "flipped", "timeout"), *["already_target"] * spared]
    made: dict[str, Any] = {"status": status, "prediction": first(n, flipped, 1, 0)}
    made |= {f"oracle_{name}": first(n, many, 1, 0) for name, many in votes.items()}
    if green is not None:
        made["certificate"] = [*first(n - spared, green, "green", "red"), *[""] * spared]
    return {prefix + key: values for key, values in made.items()}


def run_of(
    written: Results,
    n: int = 200,
    flipped: int = 200,
    votes: dict[str, int] | None = None,
    control: dict[str, Any] | None = None,
    green: int | None = None,
    spared: int = 0,
    **changed: Any,
) -> Results:
    """A run of classes 0 → 1, whose control has ``flipped``, ``votes``, ``green`` and ``spared`` of its own."""
    results = copy.copy(written)
    results.summary, results.names = {}, ["", *(["control"] if control is not None else [])]
    table = {"index": np.arange(n), "number": 0, "source": 0, "target": 1}
    table |= columns("", n, flipped, spared, votes or {}, green)
    if control is not None:
        usual = {"flipped": flipped, "spared": spared, "votes": {}, "green": None}
        table |= columns("control_", n, **(usual | control))
    results.table = pd.DataFrame(table).assign(**changed)
    return results


def votes(*many: int) -> dict[str, int]:
    return dict(zip(("svm", "cnn"), many, strict=False))


CLASSES: list[tuple[dict[str, Any], str]] = [
    ({}, "200 of 200 images changed the model's mind."),
    ({"flipped": 1}, "1 of 200 images changed the model's mind."),
    ({"flipped": 0, "green": 0, "votes": votes(3)}, "None of 200 images changed the model's mind."),
    (
        {"votes": votes(164, 180), "control": {"votes": votes(40, 30)}},
        "200 of 200 images changed the model's mind; every independent model agrees on 164 of them; "
        "the control convinces them on 30.",
    ),
    (
        {"votes": votes(164), "control": {"votes": votes(0)}},
        "200 of 200 images changed the model's mind; the independent model svm agrees on 164 of them; "
        "the control convinces it on none.",
    ),
    (
        {"n": 1300, "flipped": 1200, "votes": votes(1300, 1100)},
        "1,200 of 1,300 images changed the model's mind; every independent model agrees on 1,100 of them.",
    ),
    (
        {"flipped": 150, "votes": votes(200, 200)},
        "150 of 200 images changed the model's mind; every independent model agrees on all of them.",
    ),
    (
        {"flipped": 150, "votes": votes(200, 0)},
        "150 of 200 images changed the model's mind; every independent model agrees on none of them.",
    ),
    (
        {"flipped": 1, "votes": votes(1, 0)},
        "1 of 200 images changed the model's mind; not every independent model agrees.",
    ),
    (
        {"flipped": 1, "votes": votes(0)},
        "1 of 200 images changed the model's mind; the independent model svm does not agree.",
    ),
    ({"flipped": 1, "votes": votes(1, 9)}, "1 of 200 images changed the model's mind; every independent model agrees."),
    (
        {"flipped": 0, "votes": votes(0, 0), "control": {"flipped": 30, "votes": votes(200, 200)}},
        "None of 200 images changed the model's mind; the control convinces every independent model on 30.",
    ),
    (
        {"votes": votes(160), "control": {"flipped": 90, "spared": 10, "votes": votes(90)}},
        "200 of 200 images changed the model's mind; the independent model svm agrees on 160 of them; "
        "the control convinces it on 90 of 190.",
    ),
    (
        {"flipped": 190, "control": {"flipped": 180}},
        "190 of 200 images changed the model's mind; with the control 180 did.",
    ),
    (
        {"flipped": 190, "control": {"flipped": 0}},
        "190 of 200 images changed the model's mind; with the control none did.",
    ),
    (
        {"votes": votes(9), "control": {"flipped": 180}},
        "200 of 200 images changed the model's mind; the independent model svm agrees on 9 of them; "
        "with the control 180 did.",
    ),
    (
        {"green": 171, "control": {"green": 3}},
        "200 of 200 images changed the model's mind; with the control 200 did; "
        "171 images carry a green certificate, and 3 of the control's.",
    ),
    ({"green": 1}, "200 of 200 images changed the model's mind; 1 image carries a green certificate."),
    ({"green": 0}, "200 of 200 images changed the model's mind; none carries a green certificate."),
    (
        {"flipped": 190, "spared": 9},
        "190 of 191 images changed the model's mind. "
        "9 images had the target class from the start and were not searched.",
    ),
    (
        {"flipped": 199, "spared": 1},
        "199 of 199 images changed the model's mind. 1 image had the target class from the start and was not searched.",
    ),
    (
        {"flipped": 0, "spared": 200, "control": {}},
        "No image was searched. 200 images had the target class from the start and were not searched.",
    ),
]

ONE_IMAGE: list[tuple[dict[str, Any], str]] = [
    ({"flipped": 1}, "The one image changed the model's mind."),
    ({"flipped": 0, "green": 0, "votes": votes(1)}, "The one image did not change the model's mind."),
    (
        {"flipped": 1, "votes": votes(1, 1), "green": 1, "control": {"votes": votes(1, 1)}},
        "The one image changed the model's mind; every independent model agrees; the control convinces them, too; "
        "it carries a green certificate.",
    ),
    (
        {"flipped": 1, "votes": votes(0), "green": 0, "control": {"votes": votes(1)}},
        "The one image changed the model's mind; the independent model svm does not agree; "
        "the control convinces it; it carries no green certificate.",
    ),
    (
        {"flipped": 1, "votes": votes(1, 1), "control": {"votes": votes(1, 0)}},
        "The one image changed the model's mind; every independent model agrees; the control does not convince them.",
    ),
    ({"flipped": 1, "control": {}}, "The one image changed the model's mind; with the control it did, too."),
    (
        {"flipped": 1, "control": {"flipped": 0}},
        "The one image changed the model's mind; with the control it did not.",
    ),
    (
        {"flipped": 0, "control": {"flipped": 0}},
        "The one image did not change the model's mind; with the control it did not, either.",
    ),
    (
        {"flipped": 0, "control": {"flipped": 1}},
        "The one image did not change the model's mind; with the control it did.",
    ),
]


@pytest.mark.parametrize(("settings", "text"), CLASSES)
def test_classes(written: Results, settings: dict[str, Any], text: str) -> None:
    assert answer(run_of(written, **settings)).text == text


@pytest.mark.parametrize(("settings", "text"), ONE_IMAGE)
def test_one_image(written: Results, settings: dict[str, Any], text: str) -> None:
    assert answer(run_of(written, n=1, **settings)).text == text


def test_what_oracles_said_before_is_told(written: Results) -> None:
    before = {"source_oracle_svm": first(200, 5, 1, 0), "source_oracle_cnn": first(200, 2, 1, 0)}
    run = run_of(written, votes=votes(164, 180), **before)
    assert "agrees on 164 of them, on 2 of these already before the search." in answer(run).text
    assert (
        "agrees on 1 of them, already before the search." in answer(run_of(written, votes=votes(1, 1), **before)).text
    )
    silent = run_of(written, votes=votes(164, 180), oracle_cnn=float("nan"))
    assert "every independent model agrees on none of them." in answer(silent).text, "who is silent does not agree"


def test_a_mind_that_was_not_changed_is_not_said_to_be(written: Results) -> None:
    same = run_of(written, flipped=190, prediction=0)
    assert answer(same).text == "190 of 200 images reached the class that was asked for."
    assert answer(run_of(written, n=1, flipped=0, target=0)).text == "The one image did not change the model's mind."


def test_several_searches_an_image_are_not_called_images(written: Results) -> None:
    run = run_of(written, n=12, flipped=9, spared=2, green=1, index=np.arange(12) // 3, number=np.arange(12) % 3)
    assert answer(run).text == (
        "9 of 10 searches (of 4 images) changed the model's mind; 1 search carries a green certificate. "
        "2 more searches were not needed: the target class was there from the start."
    )
    run = run_of(written, n=3, flipped=2, spared=1, index=0, number=np.arange(3))
    assert answer(run).text == (
        "2 of 2 searches (of 1 image) changed the model's mind. "
        "1 more search was not needed: the target class was there from the start."
    )


def test_points_are_no_images(written: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Results, "images", False)
    assert answer(run_of(written)).text == "200 of 200 samples changed the model's mind."


def values(written: Results, **settings: Any) -> Results:
    """From 2 to 10; an oracle that agrees says 7, one that does not 5."""
    results = run_of(written, **settings)
    results.class_names = []
    votes = {c: results.table[c].map({1: 7.0, 0: 5.0}) for c in results.table if "oracle_" in str(c)}
    sources = {f"source_{c}": 2.0 for c in votes if not c.startswith("control")}
    results.table = results.table.assign(source=2.0, target=10.0, prediction=10.0, **votes, **sources)
    return results


def test_values(written: Results) -> None:
    run = values(written, flipped=45, n=50, votes=votes(40, 42), control={"votes": votes(12, 9)}, green=30)
    assert answer(run).text == (
        "45 of 50 images reached the value that was asked for; every independent model sees at least half of the way "
        "on 40 of them; the control convinces them on 9; 30 images carry a green certificate."
    )
    one = {"n": 50, "flipped": 1, "votes": votes(0)}
    assert answer(values(written, **one)).text == (
        "1 of 50 images reached the value that was asked for; the independent model svm does not see half of the way."
    )
    assert answer(values(written, flipped=0, n=50)).text == "None of 50 images reached the value that was asked for."
    spared = values(written, flipped=48, n=50, spared=2)
    assert answer(spared).text.endswith(" 2 images had the value from the start and were not searched.")
    run.table = run.table.drop(columns="source_oracle_cnn")
    assert "model" not in answer(run).text, "nothing is said of all where one's view of the originals is unknown"
