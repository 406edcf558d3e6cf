"""A good checkpoint, and a folder with all that a crafted file could get hold of."""

from pathlib import Path

import pytest
import torch

from tests.hostile.checkpoints import Checkpoint, Write

CLASSIFIER = "runs/digits/classifier/best.ckpt"


@pytest.fixture
def good(in_digits_home: Path) -> Checkpoint:
    return torch.load(CLASSIFIER, weights_only=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that a crafted file could get hold of."""
    for name in ("evil.pt2", "evil.pth", "evil.pt", "evil.so", "evil.png", "victim.txt"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "evilmod.py").write_text("from pathlib import Path\nPath('canary').touch()\nclass Net: ...\n")
    (tmp_path / "victims").mkdir()
    (tmp_path / "victims" / "thesis.txt").write_text("mine")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def untouched(home: Path) -> bool:
    kept = (home / "victim.txt").read_text() == (home / "victims" / "thesis.txt").read_text() == "mine"
    return kept and not (home / "canary").exists()


def crafted(write: Write, home: Path, good: Checkpoint) -> Path:
    file = home / "bad.ckpt"
    write(file, good, home / "canary")
    return file


def one_sentence(error: BaseException) -> bool:
    said = str(error)
    return 20 < len(said) < 900 and said.count("\n") < 3 and "weights_only=False" not in said
