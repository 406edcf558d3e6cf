"""Every measure gets NaN from the network that it uses, and the run ends well, with the other numbers as they were."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from callbacks import (
    ChartQuality,
    ClassDistance,
    Interpretability,
    LabelVariation,
    ManifoldDistance,
    OnManifold,
    OracleAccuracy,
    Perceptual,
    Realism,
    Spectrum,
    TangentShare,
    Transition,
)
from counterfactuals import Ascent, FlowChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule, Explanation
from networks import CNN, MLP, ClassAutoencoders, ConvAutoencoder, InputError, RealNVP
from tests.support.collect import Collect

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
N = 12


def broken(x: Tensor) -> Tensor:
    """The samples of which a sick network says NaN, about a third of them; N bool."""
    return (1000 * x.double().flatten(1).sum(1)).round().long() % 7 < 2


def everything(x: Tensor) -> Tensor:
    return torch.ones(len(x), dtype=torch.bool)


def pictures(x: Tensor) -> list[bytes]:
    """Every image's grey values."""
    return [row.numpy().tobytes() for row in (16 * x.detach()).round().byte()]


@cache
def real_digits() -> frozenset[bytes]:
    data = Digits()
    splits = [data.split(name) for name in ("train", "val", "test")]
    return frozenset(p for split in splits for p in pictures(split.__getitems__(range(len(split)))["x"]))


def counterfactuals_alone(x: Tensor) -> Tensor:
    """What is no digit of the data set."""
    return torch.tensor([picture not in real_digits() for picture in pictures(x)], dtype=torch.bool)


def some_of_these(x: Tensor) -> Tensor:
    return broken(x) & counterfactuals_alone(x)


def spoilt(output: Tensor, x: Tensor, where: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.where(where(x).view(-1, *[1] * (output.ndim - 1)), torch.nan, output)


class Sick(nn.Module):
    """A network that gives NaN for some samples."""

    def __init__(self, network: nn.Module, where: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network: Any = network
        self.where = where
        self.num_features = getattr(network, "num_features", 0)

    def forward(self, x: Tensor, *others: Any, **options: Any) -> Tensor:
        return spoilt(self.network(x, *others, **options), x, self.where)

    def features(self, x: Tensor) -> Tensor:
        return spoilt(self.network.features(x), x, self.where)


class SickChart(FlowChart):
    """Coordinates that are NaN for some samples."""

    where: Callable[[Tensor], Tensor]

    def encode(self, x: Tensor) -> Tensor:
        return spoilt(super().encode(x), x, self.where)

    def encode_with_log_prob(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        z, log_q = super().encode_with_log_prob(x)
        assert log_q is not None
        return spoilt(z, x, self.where), spoilt(log_q, x, self.where)


def seeded(seed: int, make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(seed)
    return make().eval()


def classifier() -> nn.Module:
    network = MLP([1, 8, 8], 10, hidden=[])
    nn.init.orthogonal_(network.head.weight, gain=4)
    return network


class Squares(nn.Module):
    """Stands for LPIPS's networks, whose weights would have to be fetched."""

    def forward(self, x_prime: Tensor, x: Tensor, normalize: bool) -> Tensor:
        return (x_prime - x).flatten(1).square().mean(1)


def perceptual(network: nn.Module) -> Perceptual:
    measure = Perceptual.__new__(Perceptual)
    measure.net = network
    return measure


def interpretability(autoencoder: nn.Module) -> Interpretability:
    return Interpretability(ClassAutoencoders(lambda: autoencoder, 10))


def autoencoder() -> nn.Module:
    return ConvAutoencoder([1, 8, 8], [4], 4)


#: name → the measure, its network, and the columns that it adds
JUDGES: dict[str, tuple[Callable[[nn.Module], pl.Callback], Callable[[], nn.Module], tuple[str, ...]]] = {
    "oracle": (lambda net: OracleAccuracy({"one": net}), classifier, ("oracle_one",)),
    "bystander": (
        lambda net: LabelVariation({"b": net}),
        classifier,
        ("label_variation", "label_variation_b", "attributes_changed"),
    ),
    "autoencoders": (interpretability, autoencoder, ("im1", "im2")),
    "extractor": (lambda net: Realism(net, most=200), lambda: CNN([1, 8, 8], 10, widths=[8]), ("feature_distance",)),
    "perceptual": (perceptual, Squares, ("lpips",)),
    "distance": (ManifoldDistance, lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0)), ("distance",)),
    "predictor": (lambda net: Transition(steps=3), classifier, ("cout", "margin")),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A healthy and a sick network have the same weights here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield


def run(*measures: pl.Callback, chart: FlowChart | None = None) -> tuple[dict[str, Any], Explanation]:
    """Summary and rows of a short run."""
    flow = seeded(0, lambda: RealNVP([1, 8, 8], 4, 1, levels=17, alpha=0.2))
    chart = chart or FlowChart(flow)
    module = CounterfactualModule(seeded(1, classifier), chart, RunnerUp(), method=Ascent(0.1, 30), slots=N)
    trainer = pl.Trainer(**QUIET, inference_mode=False, callbacks=[*measures, collect := Collect()])
    trainer.predict(module, datamodule=Digits(batch_size=N, predict_limit=N))
    return module.summary, collect.results()[""]


def with_predictor(measure: pl.Callback, network: nn.Module) -> pl.Callback:
    """``Transition`` looks at the explained network itself: the sick one takes its place once all is searched."""

    class Swapped(type(measure)):  # type: ignore[misc]
        def _update(self, explanation: Explanation, pl_module: CounterfactualModule) -> None:
            healthy, pl_module.predictor = pl_module.predictor, network
            super()._update(explanation, pl_module)
            pl_module.predictor = healthy

    swapped = Swapped.__new__(Swapped)
    swapped.__dict__.update(measure.__dict__)
    return swapped


def measured(name: str, where: Callable[[Tensor], Tensor] | None) -> tuple[dict[str, Any], Explanation]:
    make, network, _ = JUDGES[name]
    net = seeded(1 if name == "predictor" else 2, network)
    if where is not None:
        net = Sick(net, where)
    measure = make(net)
    return run(with_predictor(measure, net) if name == "predictor" else measure)


@pytest.mark.parametrize("name", JUDGES)
def test_a_network_that_says_nan_of_counterfactuals_costs_their_values_and_nothing_else(name: str) -> None:
    _, healthy = measured(name, None)
    summary, sick = measured(name, {"extractor": counterfactuals_alone, "perceptual": broken}.get(name, some_of_these))
    assert torch.equal(sick.counterfactuals.counterfactual, healthy.counterfactuals.counterfactual)
    lost = torch.zeros(N, dtype=torch.bool)
    for column in JUDGES[name][2]:
        values, before = sick.columns[column], healthy.columns[column]
        lost = values.isnan()
        assert lost.any() and torch.equal(values[~lost], before[~lost].to(values))
    if name not in ("extractor", "perceptual", "predictor"):
        assert torch.equal(lost, broken(sick.counterfactuals.counterfactual)) and not lost.all()
    if name == "extractor":
        assert all(summary[key] != summary[key] for key in ("fid", "kid")), "NaN, not an exception"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("oracle", "oracle 'one': Sick gives NaN for all samples"),
        ("bystander", "bystander 'b': Sick gives NaN for all samples"),
        ("autoencoders", "Interpretability: the autoencoders: NaN for all 12 samples"),
        ("extractor", "Realism: the extractor's features of 200 of the 200 real samples are not finite"),
        ("perceptual", "Perceptual: the network: NaN for all 12 samples"),
    ],
)
def test_a_network_that_says_nan_of_real_samples_is_refused_before_the_search(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        measured(name, everything)


CHARTS = [lambda: ChartQuality(num_samples=40), lambda: ClassDistance(5), lambda: OnManifold(num_samples=60)]
CHARTS += [lambda: TangentShare(6, 8), lambda: Spectrum(num_samples=12)]


@pytest.mark.parametrize("where", [broken, everything], ids=["some", "all"])
def test_a_chart_that_gives_nan_costs_the_rows_that_need_it(where: Callable[[Tensor], Tensor]) -> None:
    sick_chart = SickChart(seeded(0, lambda: RealNVP([1, 8, 8], 4, 1, levels=17, alpha=0.2)))
    sick_chart.where = lambda x: where(x) & ~counterfactuals_alone(x)
    _, healthy = run(*[make() for make in CHARTS])
    summary, sick = run(*[make() for make in CHARTS], chart=sick_chart)
    failed = where(sick.counterfactuals.x)
    assert [bool(reason) for reason in sick.counterfactuals.reasons] == failed.tolist()
    assert "the chart's encoding of x is not finite" in "".join(sick.counterfactuals.reasons)
    assert summary["quality"]["reconstruction_error"] != summary["quality"]["reconstruction_error"]
    assert ("sigma" in summary["spectrum"]) == (where is broken)
    for column in ("l2_x_class", "z_norm", "chart_error", "tangent_share", "l2_z"):
        values, before = sick.columns[column][~failed], healthy.columns[column][~failed]
        unknown = values.isnan()  # OnManifold measures x′ rounded to grey values, of which some are broken again
        assert torch.allclose(values[~unknown], before[~unknown], rtol=1e-4), column
        assert torch.equal(unknown, before.isnan()) or column in ("z_norm", "chart_error"), column
    if where is broken:
        assert sick.columns["l2_z_class"][~failed].isfinite().all() and summary["spectrum"]["sigma_min"] > 0
        p = sick.columns["p_manifold"]
        assert (p[failed] <= 1 / 20).all() and p[~failed].isfinite().all()
