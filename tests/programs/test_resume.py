"""A training that is stopped and goes on is the training that was never stopped."""

import signal
from pathlib import Path

import pytest

from benchmarks.robustness.resumes import TRAININGS, Stop, compared, curve, trained


@pytest.mark.parametrize(
    ("name", "stops"),
    [
        ("flow with EMA, every 7 steps", [Stop("batch", 12, signal.SIGKILL), Stop("max_steps", 9)]),
        ("the same, 2 batches a step, 2 workers", [Stop("validation", 5, signal.SIGTERM)]),
        ("flow with EMA, every 2 epochs", [Stop("batch", 25, signal.SIGINT)]),
    ],
)
def test_it_has_the_losses_of_the_training_that_was_not_stopped(tmp_path: Path, name: str, stops: list[Stop]) -> None:
    """In mid-epoch, in a validation, an epoch later; `python -m benchmarks.robustness.resumes` tries random places."""
    shorter = [*TRAININGS[name], "--trainer.max_epochs=2"]
    whole = tmp_path / "whole"
    assert trained(whole, shorter) == 0
    for n, stop in enumerate(stops):
        folder = tmp_path / f"stopped-{n}"
        assert (trained(folder, shorter, stop) == 0) == (stop.place == "max_steps")
        before = len(curve(folder))
        assert trained(folder, shorter, None, f"--ckpt_path={folder}/last.ckpt") == 0
        assert before < len(curve(folder)) < 2 * len(curve(whole)), "it went on, and did not begin anew"
        assert compared(whole, folder) == (0.0, 0)
