from pathlib import Path

import pytest
from torch import nn

from callbacks.measures.oracles import checkpoints_of, frozen_models
from networks import InputError


def test_judges_are_frozen() -> None:
    (judge,) = frozen_models({"svm": nn.Sequential(nn.Linear(2, 2), nn.Dropout())}).values()
    assert not judge.training and not any(p.requires_grad for p in judge.parameters())


def test_only_files_are_checkpoints() -> None:
    assert checkpoints_of({"svm": "svm.ckpt", "net": nn.Linear(2, 2)}, "oracle") == {"oracle_svm": "svm.ckpt"}


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.ckpt"):
        frozen_models({"svm": str(tmp_path / "nothing.ckpt")})
