"""What to type after a training: the next one that an explain run needs, or that run."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from cli.given import pairs

CHECKPOINT = re.compile(r"[\w./-]+\.ckpt\b")
OF_THE_RUN = ("predict_",)  # beginnings of data flags that are not for every command


def next_command(words: Sequence[str], best: Path, program: Path = Path("train.py")) -> str:
    """The next command with the same data, and what comes after it.

    The explain configs beside the training's own say which checkpoints they need; where none needs this one, the
    command tests the model.

    Args:
        words: of the training's command line, after ``fit``.
        best: its checkpoint.
        program: ``train.py``, as it was called.
    """
    given = list(pairs(words))
    data = [f"--{flag}={value}" for flag, value in given if _is_of_the_data(flag)]
    config = next((Path(value) for flag, value in reversed(given) if flag in ("c", "config")), None)
    if config is None:
        return ""
    for explain in sorted(config.parent.glob("explain*.yaml"), key=lambda file: (len(file.name), file.name)):
        needed = _checkpoints(explain.read_text(encoding="utf-8"))
        if best.resolve() not in [path.resolve() for path in needed]:
            continue
        missing = [path for path in needed if not path.is_file()]
        jobs = [explain.with_name(f"{path.parent.name}.yaml") for path in missing]
        if not missing:
            return _line(program.with_name("explain.py"), "--config", str(explain), *data)
        if all(job.is_file() for job in jobs):
            more = "".join(f", {job.stem}" for job in jobs[1:])
            after = f"   # {explain.name} needs {'these, too: ' + jobs[0].stem + more if more else 'it, too'}"
            return _line(program, "fit", "--config", str(jobs[0]), *data) + after
    return _line(program, "test", "--config", str(config), *data, "--ckpt_path", str(best))


def _checkpoints(explain: str) -> list[Path]:
    """That a config names, those of the search before those of its judges."""
    callbacks, _, model = explain.partition("\nmodel:")
    return list(dict.fromkeys(map(Path, CHECKPOINT.findall(model) + CHECKPOINT.findall(callbacks))))


def _is_of_the_data(flag: str) -> bool:
    return flag.startswith("data.") and not flag.removeprefix("data.").startswith(OF_THE_RUN)


def _line(program: Path, *arguments: str) -> str:
    return shlex.join(["python", str(program), *arguments])
