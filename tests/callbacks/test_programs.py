from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EarlyStopping

from callbacks import EMA, OracleAccuracy, ResultWriter, ResumeHint, Spectrum, Transition
from callbacks.programs import misplaced_callbacks
from networks import LinearSVM


class Own(Callback):
    """A user's."""


def test_what_a_program_never_calls_or_has_already() -> None:
    good = [Spectrum(), Own(), EarlyStopping("val/loss")]
    assert misplaced_callbacks([*good, OracleAccuracy({"svm": LinearSVM()})], "explain.py") == []
    assert misplaced_callbacks([*good, EMA()], "train.py") == []
    assert misplaced_callbacks([EMA(), ResumeHint(), ResultWriter()], "explain.py") == [
        "--trainer.callbacks: callbacks.EMA does nothing in explain.py, it is for train.py: leave it out",
        "--trainer.callbacks: callbacks.ResumeHint does nothing in explain.py, it is for train.py: leave it out",
        "--trainer.callbacks: callbacks.ResultWriter is there without being asked for: leave it out",
    ]
    assert "it is for explain.py" in misplaced_callbacks([Transition()], "train.py")[0]
