from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from callbacks import HeadLocalisation
from callbacks.figures.head_localisation import common_searches, heads_of
from counterfactuals import Across, FewAndMany, PixelChart
from datamodules import Scenes
from lightning_modules import CounterfactualModule
from metrics import localisation
from networks import MLP, InputError, UNet
from tests.callbacks.measures.test_oracle_value import QUIET, run


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The maps of networks that have learnt nothing are where a mixture takes longest."""
    monkeypatch.setattr(localisation, "REPEATS", 1)


class Blots(UNet):
    """A U-Net that always counts two, wherever its map says; an integer count makes the test of F1 exact."""

    def count_and_map(self, x: torch.Tensor):  # type: ignore[no-untyped-def]
        counted = super().count_and_map(x)
        return counted._replace(counts=counted.counts * 0 + 2 + 10 * x.flatten(1).mean(1))


def test_heads_of_both_networks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, oracle = Blots([1, 64, 64], widths=[4, 6]).eval(), Blots([1, 64, 64], widths=[4, 6]).eval()
    callback = HeadLocalisation(oracle, radius=4, num_samples=2)
    policy = FewAndMany(few=4.5, many=4.6, high=5, low=3)
    collect, summary, _ = run(tmp_path, net, callback, HeadLocalisation(net), target=policy)
    assert (tmp_path / "figures" / "heads.png").stat().st_size > 10_000
    assert summary["heads_agree"] == 1  # the second one compares the network with itself, and comes last
    cf = collect.results()[""].counterfactuals
    assert [len(h) for h in heads_of(net, cf.counterfactual)] == net(cf.counterfactual).round().int().tolist()


def test_heads_need_a_map() -> None:
    module = CounterfactualModule(MLP([1, 64, 64], 1), PixelChart((1, 64, 64)), FewAndMany(1, 2, 3, 0), Across(2))
    trainer = pl.Trainer(**QUIET, callbacks=[HeadLocalisation(MLP([1, 64, 64], 1))])
    with pytest.raises(InputError, match=r"(?s)the predictor is a MLP.*the oracle is a MLP"):
        trainer.predict(module, datamodule=Scenes(n_train=8, n_val=8, n_test=8))


def test_few_searches_stay_in_memory_and_only_those_of_both_results_are_drawn(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, callback = (
        Blots([1, 64, 64], widths=[4, 6]).eval(),
        HeadLocalisation(Blots([1, 64, 64], widths=[4, 6]), num_samples=3),
    )
    run(tmp_path, net, callback, target=FewAndMany(few=4.5, many=4.6, high=5, low=3))
    own = callback.shown[""]
    assert len(own.index) <= 6 and torch.equal(own.index, callback.shown["control"].index)
    assert all((own.counterfactuals.target == t).sum() <= 3 for t in (5, 3))
    half = {"": own, "control": own.take(torch.tensor([1]))}  # as a run that goes on may share them out
    assert common_searches(half)[""].index.tolist() == own.index[1:2].tolist()
    assert common_searches({"": own.take(torch.tensor([0])), "control": half["control"]}) == common_searches({}) == {}


class Sick(Blots):
    """Counts NaN in the first of its images."""

    def count_and_map(self, x: torch.Tensor):  # type: ignore[no-untyped-def]
        counted = super().count_and_map(x)
        return counted._replace(counts=torch.where(torch.arange(len(x)) == 0, torch.nan, counted.counts))


def test_a_count_of_nan_agrees_with_nothing(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, sick = (kind([1, 64, 64], widths=[4, 6]).eval() for kind in (Blots, Sick))
    collect, _, _ = run(tmp_path, net, HeadLocalisation(sick, num_samples=1), target=FewAndMany(4.5, 4.6, 5, 3))
    agree = collect.parts[""][0].columns["heads_agree"]
    assert agree[0].isnan() and agree[1:].isfinite().all()
    assert (tmp_path / "figures" / "heads.png").is_file()
