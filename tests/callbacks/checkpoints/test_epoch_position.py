from typing import Any

import pytest

from callbacks.checkpoints.epoch_position import resume_position
from networks.errors import InputError


def loops(batches: int, last: bool = False, loader: dict[str, int] | None = None) -> dict[str, Any]:
    counts = dict.fromkeys(("ready", "started", "processed", "completed"), batches)
    total = dict.fromkeys(counts, 100 + batches)
    return {
        "state_dict": {} if loader is None else {"combined_loader": [loader]},
        "epoch_loop.batch_progress": {"current": counts, "total": total, "is_last_batch": last},
        "epoch_progress": {"current": {"processed": 3}},
    }


BEFORE = {"samples": 1000, "at_once": 128}


@pytest.mark.parametrize(
    ("saved", "now", "accumulate", "batches", "total", "again"),
    [
        (loops(5, loader=BEFORE), BEFORE, 1, 5, 105, 0),
        (loops(5), BEFORE, 1, 5, 105, 0),  # an older checkpoint, which does not say how many were seen at once
        (loops(5, loader=BEFORE), BEFORE, 3, 3, 103, 2),  # 3 of 3 were a step; 4 and 5 are taken again
        (loops(5, loader=BEFORE), {**BEFORE, "at_once": 64}, 1, 10, 105, 0),
        (loops(5, loader=BEFORE), {**BEFORE, "at_once": 256}, 1, 3, 105, 0),  # no sample twice
        (loops(7, last=True, loader=BEFORE), {**BEFORE, "at_once": 64}, 4, 7, 107, 0),  # the epoch is over
    ],
)
def test_the_batch_that_comes_next(
    saved: dict[str, Any], now: dict[str, int], accumulate: int, batches: int, total: int, again: int
) -> None:
    place = resume_position(saved, dict(now), accumulate)
    progress = saved["epoch_loop.batch_progress"]
    assert saved["state_dict"]["combined_loader"] == [{"epoch": 3, "batches": batches}]
    assert set(progress["current"].values()) == {batches} and set(progress["total"].values()) == {total}
    assert place.again == again
    other = not progress["is_last_batch"] and now != BEFORE
    assert [s.partition(", ")[0] for s in place.sentences] == [
        "The training goes on after 640 samples of epoch 3"
    ] * other


def test_other_samples_are_said() -> None:
    (said,) = resume_position(loops(5, loader=BEFORE), {**BEFORE, "samples": 900}, 1).sentences
    assert said.startswith("There are 900 training samples now, and were 1000: ")


@pytest.mark.parametrize("change", [{"at_once": 0}, {"at_once": -1}, {"samples": "x"}, {"samples": 2**60}])
def test_a_place_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="its loops count what cannot be counted"):
        resume_position(loops(5, loader={**BEFORE, **change}), BEFORE, 1)
    with pytest.raises(InputError, match=r"its loops are not what a training saves \(KeyError"):
        resume_position({"state_dict": {}}, BEFORE, 1)
