from pathlib import Path

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file
from sklearn.neighbors import NearestNeighbors

from callbacks import Realism
from counterfactuals import Ascent, FixedTarget, PixelChart
from datamodules import Digits
from datamodules.base import TensorSplit
from lightning_modules import CounterfactualModule
from metrics import FID, FrechetDistance, KernelDistance
from networks import CNN, MLP, Features, InputError
from tests.support.collect import Collect

QUIET = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "onmanifold"


def run(extractor: torch.nn.Module, batch_size: int = 60) -> tuple[CounterfactualModule, Collect, Digits]:
    data, predictor = Digits(batch_size=batch_size, predict_limit=60), MLP([1, 8, 8], 10, hidden=[])
    torch.manual_seed(0)
    torch.nn.init.orthogonal_(predictor.head.weight, gain=4)
    module = CounterfactualModule(predictor, PixelChart([1, 8, 8]), FixedTarget(3), method=Ascent(0.05, 300))
    collect = Collect()
    pl.Trainer(**QUIET, callbacks=[Realism(extractor), collect]).predict(module, datamodule=data)
    return module, collect, data


@pytest.mark.parametrize("batch_size", [7, 60])
def test_against_the_metrics_on_the_target_class(batch_size: int) -> None:
    extractor = CNN([1, 8, 8], 10, widths=[4, 6])
    module, collect, data = run(extractor, batch_size)
    cf, train, features = collect.results()[""].counterfactuals, data.split("train"), Features(extractor)
    fake, real = cf.counterfactual[cf.flipped], train.x[train.y == 3]
    (pooled, spatial), (real_pooled, real_spatial) = features.with_maps(fake), features.with_maps(real)
    metric = FID(features, (1, 8, 8))
    metric.update(real, real=True)
    metric.update(fake, real=False)
    assert len(fake) > 10 and module.summary["fid"] == pytest.approx(float(metric.compute()), rel=1e-3)
    # The reference's rows come in the order in which they were drawn: sums differ by rounding.
    assert module.summary["kid"] == pytest.approx(KernelDistance(real_pooled)(pooled), rel=1e-4)
    assert module.summary["spatial_fid"] == pytest.approx(FrechetDistance(real_spatial)(spatial), rel=1e-3)
    low, high = module.summary["intervals"]["fid"]
    assert low < module.summary["fid"] < high
    rows, held_out = (
        module.summary["rows"],
        len(data.split("val").y.eq(3).nonzero()) + len(data.split("test").y.eq(3).nonzero()),
    )
    assert (rows["fid"], rows["spatial_fid_floor"]) == (len(fake), min(len(fake), held_out))
    assert 0 <= module.summary["fid_floor"] < module.summary["fid"]


def test_columns_against_scikit_learn() -> None:
    extractor = MLP([1, 8, 8], 10, hidden=[6])
    module, collect, data = run(extractor)
    result, train = collect.results()[""], data.split("train")
    cf = result.counterfactuals
    index = NearestNeighbors(n_neighbors=10).fit(train.x.flatten(1))
    distances, nearest = (torch.from_numpy(a) for a in index.kneighbors(cf.counterfactual.flatten(1)))
    for i in (1, 2, 3):  # by distance: several digits may be equally near
        neighbour = train.x[result.columns[f"neighbour_{i}"]]
        assert torch.allclose(
            (cf.counterfactual - neighbour).flatten(1).norm(dim=1), distances[:, i - 1].float(), atol=1e-5
        )
    share = (train.y[nearest] == 3).float().mean(1)
    assert (result.columns["neighbours"] - share).abs().mean() < 0.01 and share.max() > 0
    moved = (extractor.features(cf.counterfactual) - extractor.features(cf.x)).norm(dim=1)
    assert torch.allclose(result.columns["feature_distance"], moved, atol=1e-5)
    assert "spatial_fid" not in module.summary


def test_the_reference_is_embedded_once_for_a_network(cache: Path) -> None:
    extractor = MLP([1, 8, 8], 10, hidden=[6])
    run(extractor)
    (file,) = cache.iterdir()
    written = file.stat().st_mtime_ns
    first = run(extractor)[0].summary["fid"]
    assert file.stat().st_mtime_ns == written and len(list(cache.iterdir())) == 1
    file.write_bytes(b"torn")
    assert run(extractor)[0].summary["fid"] == pytest.approx(first)
    run(MLP([1, 8, 8], 10, hidden=[6]))
    assert len(list(cache.iterdir())) == 2


def test_the_pictures_of_the_nearest_are_kept_for_the_report(tmp_path: Path) -> None:
    images = torch.rand(9, 1, 4, 4)
    table = pd.DataFrame({"neighbour_1": [7, 2], "neighbour_2": [2, 3], "control_neighbour_1": [3, 8]})
    for result in ("", "control"):
        assert Realism._save_shown(table, result, TensorSplit(images, torch.zeros(9)), tmp_path) is table
    kept = load_file(tmp_path / "neighbours.safetensors")
    assert kept["positions"].tolist() == [2, 3, 7, 8]
    assert torch.equal(kept["images"], (images[kept["positions"]] * 255).round().byte())


def test_what_is_explained_is_not_its_own_neighbour() -> None:
    some, split = Digits(predict_split="train", predict_limit=50), Digits().split("train")
    chosen, explained = Realism()._chosen(some, split), some.predict_selection().positions
    assert len(chosen) == len(split) - 50 and not set(chosen.tolist()) & set(explained.tolist())
    assert len(Realism()._chosen(Digits(), split)) == len(split)
    with pytest.raises(InputError, match=f"train explains all {len(split)} samples .* with --data.predict_limit"):
        Realism()._chosen(Digits(predict_split="train"), split)


def test_no_neighbours() -> None:
    with pytest.raises(InputError, match="must be positive; got 0"):
        Realism(MLP([1, 8, 8], 10), k=0)
