import json
from pathlib import Path

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from callbacks import ChartQuality, OracleAccuracy, OracleValue, ResultWriter
from counterfactuals import Across, Ascent, FewAndMany, PixelChart
from datamodules import Scenes
from lightning_modules import CounterfactualModule
from networks import MLP, InputError
from tests.support.collect import Collect

QUIET = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}


class Brightness(nn.Module):
    """Mean grey value in percent, and a map that is the image; the oracle's is off by a little."""

    def __init__(self, offset: float = 0.0) -> None:
        super().__init__()
        self.offset = offset

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 100 * x.flatten(1).mean(1) + self.offset


def run(
    tmp_path: Path, predictor: nn.Module, *callbacks: pl.Callback, **settings
) -> tuple[Collect, dict, pd.DataFrame]:
    data = Scenes(n_train=8, n_val=8, n_test=30, batch_size=16, predict_limit=12)
    policy = settings.get("target", FewAndMany(few=26, many=27, high=30, low=20))
    module = CounterfactualModule(
        predictor, PixelChart((1, 64, 64)), policy, Across(26.5), Ascent(0.01, 50), control=Ascent(0.01, 2)
    )
    data.value_range = None
    collect = Collect()
    trainer = pl.Trainer(**QUIET, default_root_dir=tmp_path, callbacks=[*callbacks, collect, ResultWriter()])
    trainer.predict(module, datamodule=data, return_predictions=False)
    summary = json.loads((tmp_path / "summary.json").read_text())
    return collect, summary, pd.read_parquet(tmp_path / "counterfactuals.parquet")


def test_oracles_values_and_their_share_of_the_way(tmp_path: Path) -> None:
    judge, quality = OracleValue({"blind": Blind(), "twin": Brightness(5.0)}), ChartQuality()
    collect, summary, table = run(tmp_path, Brightness(), quality, judge)
    for name, prefix in (("", ""), ("control", "control_")):
        cf = collect.results()[name].counterfactuals
        said = torch.from_numpy(table[f"{prefix}oracle_twin"].to_numpy())
        assert torch.allclose(said, Brightness(5.0)(cf.counterfactual).float())
    flipped = table[table.status == "flipped"]
    share = ((flipped.oracle_twin - flipped.source_oracle_twin) / (flipped.target - flipped.source)).mean()
    assert summary["oracle_share/twin"] == pytest.approx(share)
    assert summary["oracle_share"] == summary["oracle_share/blind"] == 0 and summary["oracle"] == "blind"
    assert {row["target"] for row in summary["values"]} <= {20.0, 30.0}
    assert sum(row["n"] for row in summary["values"]) == len(table)
    errors = table.source_oracle_twin - table.label
    assert summary["oracle_own_rmse/twin"] == pytest.approx((errors**2).mean() ** 0.5, rel=1e-5)
    (problem,) = summary["quality"]["problems"][-1:]
    assert "the oracle 'twin' is off by" in problem and "whose values spread by" in problem
    assert summary["intervals"]["oracle_share"] == summary["intervals"]["oracle_share/blind"]


class Blind(nn.Module):
    """Always three."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full((len(x), 1), 3.0)


def test_a_classifier_is_no_oracle_of_values(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"oracle 'mlp': OracleValue is for predictors that return one value"):
        run(tmp_path, Brightness(), OracleValue({"mlp": MLP([1, 64, 64], 3, hidden=[])}))
    with pytest.raises(InputError, match="OracleAccuracy is for classes, the data for regression: use OracleValue"):
        run(tmp_path, Brightness(), OracleAccuracy({"twin": Brightness()}))
    with pytest.raises(InputError, match="at least one oracle"):
        OracleValue({})


def test_a_policy_that_picks_nobody_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no search was asked for: FewAndMany leaves all 12 samples"):
        run(tmp_path, Brightness(), target=FewAndMany(few=-1, many=101, high=102, low=-2))


class Sick(Brightness):
    """Says NaN of the darker half."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        said = super().forward(x)
        return torch.where(said < 26.5, torch.nan, said)


def test_nan_is_no_value(tmp_path: Path) -> None:
    _, summary, table = run(tmp_path, Brightness(), OracleValue({"sick": Sick(5.0), "twin": Brightness(5.0)}))
    flipped = table[table.status == "flipped"]
    silent = flipped.oracle_sick.isna() | flipped.source_oracle_sick.isna()
    assert 0 < silent.sum() < len(flipped)
    assert summary["not_finite"] == {"oracle_sick": int(flipped.oracle_sick.isna().sum())}
    share = ((flipped.oracle_sick - flipped.source_oracle_sick) / (flipped.target - flipped.source))[~silent].mean()
    assert summary["oracle_share/sick"] == pytest.approx(share)
    errors = (table.source_oracle_sick - table.label).dropna()
    assert summary["oracle_own_rmse/sick"] == pytest.approx(float((errors**2).mean() ** 0.5), rel=1e-5)
    with pytest.raises(InputError, match="oracle 'sick': NaN for all 12 samples that were tried"):
        run(tmp_path / "all", Brightness(), OracleValue({"sick": Sick(-1000.0)}))
