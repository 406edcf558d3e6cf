"""Which of our callbacks belong to which of the two programs."""

from collections.abc import Sequence

from pytorch_lightning import Callback

from callbacks.checkpoints.earlier_training import EarlierTraining
from callbacks.checkpoints.resume import Resume
from callbacks.checkpoints.resume_hint import ResumeHint
from callbacks.progress import SearchProgress
from callbacks.ranks import Ranks
from callbacks.report import Report
from callbacks.result_writer import ResultWriter
from callbacks.tracking.dashboard import Dashboard
from callbacks.tracking.model_artifact import ModelArtifact
from callbacks.training.divergence import Divergence
from callbacks.training.save_config import SaveConfig

#: program → beginnings of the hooks that it calls
HOOKS = {
    "train.py": ("on_fit", "on_train", "on_validation", "on_test", "on_before", "on_after", "on_save", "on_load"),
    "explain.py": ("on_predict",),
}
#: what the programs have without being asked
ADDED = {
    "train.py": (Ranks, SaveConfig, Resume, EarlierTraining, Divergence, ModelArtifact, ResumeHint),
    "explain.py": (Ranks, SaveConfig, ResultWriter, Report, Dashboard, SearchProgress),
}


def misplaced_callbacks(given: Sequence[Callback], program: str) -> list[str]:
    """A sentence on each callback of ours that the program never calls, or adds by itself.

    Args:
        given: what the user asks for.
        program: a key of ``HOOKS``.
    """
    problems = []
    for kind in map(type, given):
        others = [name for name in HOOKS if name != program and (_listens(kind, HOOKS[name]) or kind in ADDED[name])]
        if kind in ADDED[program]:
            problems.append(f"callbacks.{kind.__name__} is there without being asked for: leave it out")
        elif kind.__module__.startswith("callbacks.") and others and not _listens(kind, HOOKS[program]):
            problems.append(f"callbacks.{kind.__name__} does nothing in {program}, it is for {others[0]}: leave it out")
    return [f"--trainer.callbacks: {problem}" for problem in problems]


def _listens(kind: type[Callback], hooks: tuple[str, ...]) -> bool:
    """Whether a callback has a hook of its own that begins so."""
    return any(getattr(kind, n) is not getattr(Callback, n) for n in vars(Callback) if n.startswith(hooks))
