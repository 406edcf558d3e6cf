from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from callbacks import Grow
from networks import InputError, ProgressiveDiscriminator, ProgressiveGenerator


def test_a_stage_is_trained_and_then_the_next_is_blended_in() -> None:
    task: Any = nn.ModuleList(
        [ProgressiveGenerator([1, 16, 16], 5, [4, 4, 4]), ProgressiveDiscriminator([1, 16, 16], [4, 4, 4])]
    )
    callback = Grow(steps=10)
    callback.on_fit_start(SimpleNamespace(), task)  # type: ignore[arg-type]
    for step, grown in ((0, 0.0), (10, 0.0), (15, 0.5), (20, 1.0), (30, 1.0), (38, 1.8), (40, 2.0), (500, 2.0)):
        callback.on_train_batch_start(SimpleNamespace(global_step=step), task, None, 0)  # type: ignore[arg-type]
        assert [float(network.growth.grown) for network in task] == pytest.approx([grown, grown])


def test_for_networks_that_grow_alone() -> None:
    with pytest.raises(InputError, match="is for networks that grow; Linear has none: leave it out"):
        Grow().on_fit_start(SimpleNamespace(), nn.Linear(1, 1))  # type: ignore[arg-type]
