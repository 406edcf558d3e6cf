from typing import Any

import pytest
import torch
from torch import nn

from datamodules import Digits
from networks import MLP
from results.identity import Identity, Samples, differences, measures_depend_on, searches_depend_on, stamp


def searches(network: nn.Module, settings: dict[str, Any]) -> Identity:
    return searches_depend_on({"the predictor": network}, (1, 8, 8), settings)


def test_what_searches_depend_on() -> None:
    network = MLP([1, 8, 8], 10)
    settings = {"model": {"slots": 4, "method": {"steps": [1, 2]}}, "data": {"batch_size": 7}, "callbacks": [{"a": 1}]}
    first = searches(network, settings)
    assert first["model.method.steps.1"] == "2" and "model.slots" not in first and "data.batch_size" not in first
    assert not any("callbacks" in key for key in first), "what measures may change"
    nn.init.zeros_(network.head.weight)
    assert [d.split(" was ")[0] for d in differences(first, searches(network, settings))] == ["the predictor"]


def test_what_measures_depend_on() -> None:
    compared = {"train": Digits().split("train")}
    first = measures_depend_on({"svm": "1"}, compared, {"callbacks": [{"k": 3}], "model": 1})
    assert first["callbacks.0.k"] == "3" and "model" not in first
    second = measures_depend_on({"svm": "2"}, compared, {"callbacks": [{"k": 4}]})
    changed = [d.split(" was ")[0] for d in differences(first, second)]
    assert changed == ["callbacks.0.k", "the weights of svm"]
    samples = Samples(torch.tensor([0, 1]), torch.tensor([5, 6]))
    other = Samples(torch.tensor([0, 1]), torch.tensor([5, 7]))
    stamps = {stamp(first, samples), stamp(second, samples), stamp(first, other), stamp(first, samples)}
    assert len(stamps) == 3


@pytest.mark.parametrize("chance", range(20))
def test_samples_are_found_wherever_they_stand(chance: int) -> None:
    """Replaced, removed, added, in another order, and some of them equal."""
    generator = torch.Generator().manual_seed(chance)
    contents = torch.randint(-5, 5, (12,), generator=generator)
    before = Samples(torch.arange(0, 24, 2), contents)
    shuffled = torch.randperm(12, generator=generator)
    kept, added = shuffled[:8], torch.tensor([77, 78])
    after = Samples(100 + torch.randperm(10, generator=generator), torch.cat([contents[kept], added]))
    found = after.find(before.keys_of(torch.arange(0, 24, 2)))
    now = dict(zip(after.index.tolist(), range(10), strict=True))
    assert len(found.rows) == 8 and len(set(found.positions.tolist())) == 8
    of = {int(k): int(c) for k, c in zip(before.keys, contents, strict=True)}
    contents_after = {int(k): None for k in after.keys}
    for row, position in zip(found.rows.tolist(), found.positions.tolist(), strict=True):
        key = int(after.keys_of(torch.tensor([position])))
        assert key in contents_after and of[key] == int(contents[row]) and position in now


def test_a_million_samples() -> None:
    """The keys of a data set without repeats are its contents."""
    contents = torch.randint(-(2**62), 2**62, (1_000_000,))
    samples = Samples(torch.arange(1_000_000), contents)
    assert torch.equal(samples.keys_of(torch.tensor([999_999, 3])), contents[[999_999, 3]])
    found = samples.find(contents[[5, 7]] + torch.tensor([0, 1]))
    assert found.rows.tolist() == [0] and found.positions.tolist() == [5]
