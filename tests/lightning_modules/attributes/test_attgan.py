from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from counterfactuals import AttributeChart
from datamodules import MNIST, Digits
from lightning_modules import AttGANModule, load
from lightning_modules.checkpoints.charted import load_chart
from networks import AttributeDiscriminator, AttributeGenerator, InputError, NonSaturating
from tests.support.patches import Patches
from tests.support.runs import fit
from tests.support.trees import write_mnist

QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "enable_checkpointing": False,
}
NAMES = ["left", "light"]


def made(names: list[str] = NAMES, widths: tuple[int, ...] = (6, 8), **settings: Any) -> AttGANModule:
    torch.manual_seed(0)
    generator = AttributeGenerator([1, 8, 8], names, widths)
    discriminator = AttributeDiscriminator([1, 8, 8], names, widths, features=16)
    return AttGANModule(generator, discriminator, **settings)


def module(**settings: Any) -> AttGANModule:
    """Without a trainer, at its first step, with units that are learnt."""
    gan: Any = made(**settings)
    gan.log = gan.log_dict = lambda *args, **kwargs: None
    gan._trainer = SimpleNamespace(global_step=0)
    gan.generator.units.learn(Patches().split("train").attributes)
    return gan


def same(network: nn.Module, expected: Sequence[Tensor]) -> bool:
    """But for rounding, which is all that biases before a normalisation get."""
    rounding = 1e-6 * max(float(grad.norm()) for grad in expected)
    pairs = [(p.grad, grad) for p, grad in zip(network.parameters(), expected, strict=True)]
    return all(own is not None and (own - grad).norm() <= 1e-4 * grad.norm() + rounding for own, grad in pairs)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_each_loss_is_one_of_its_own_weights_alone(noise: float) -> None:
    """The one backward pass gives what the two of the textbook give (He et al. 2019, eq. 9 and 10)."""
    gan = module(reconstruction=20.0, attribute=3.0, classification=0.7, noise=noise)
    batch = Patches().split("train").__getitems__(range(12))
    x, a, units = batch["x"], batch["attributes"], gan.generator.units
    torch.manual_seed(1)
    gan.training_step(batch, 0).backward()
    torch.manual_seed(1)
    b = gan.mixed(a)
    latent = gan.generator.encode(x)
    back, made = gan.generator.decode(torch.cat([latent, latent]), torch.cat([a, b])).split(12)

    def error(x: Tensor, truth: Tensor) -> Tensor:
        """Of what is seen in x, and with noise in a noisy copy as well."""
        copies = [x, x + noise * torch.rand(12, 1, 1, 1) * torch.randn(x.shape)] if noise else [x]
        said = torch.cat([gan.discriminator(copy)[1] for copy in copies])
        truth = torch.cat([truth] * len(copies))
        entropy = F.binary_cross_entropy_with_logits(said[:, 0], truth[:, 0])
        return (entropy + (said[:, 1] - units.taken(truth)[:, 1]).square().mean()) / 2

    of_x, of_edit = error(x, a), error(made, b)
    between = (x + torch.rand(12, 1, 1, 1) * (made - x)).detach().requires_grad_()
    (slope,) = torch.autograd.grad(gan.discriminator(between)[0].sum(), between, create_graph=True)
    penalty = 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()
    real, unreal = gan.discriminator(x)[0], gan.discriminator(made.detach())[0]
    loss = unreal.mean() - real.mean() + 1e-3 * real.square().mean() + 0.7 * of_x + penalty
    assert same(gan.discriminator, torch.autograd.grad(loss, list(gan.discriminator.parameters())))
    loss = 20 * (x - back).abs().mean() + 3 * of_edit - gan.discriminator(made)[0].mean()
    assert same(gan.generator, torch.autograd.grad(loss, list(gan.generator.parameters())))


def test_edits_are_values_of_other_images() -> None:
    a = torch.arange(2000.0).view(500, 4)
    b = made(edited=0.25).mixed(a, torch.Generator().manual_seed(0))
    assert torch.equal(b % 4, a % 4), "attributes stay in their columns"
    others = [set((row[row != own] // 4).tolist()) for row, own in zip(b, a, strict=True)]
    assert max(map(len, others)) == 1, "all that changes in an image comes from one other"
    assert float((b != a).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert torch.equal(made(edited=1e-12).mixed(a), a)
    swapped = made(edited=1.0).mixed(a)
    assert torch.equal(swapped[swapped[:, 0].argsort()], a) and not torch.equal(swapped, a), "the paper's"


def test_the_generator_has_a_rate_of_its_own() -> None:
    gan = made(generator_rate=0.2, optimizer=lambda parameters: torch.optim.Adam(parameters, 0.01), warmup_steps=1)
    (optimizer,), _ = gan.configure_optimizers()
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert rates.keys() == {id(p) for p in gan.parameters()}
    for network, rate in ((gan.discriminator, 0.01), (gan.generator, 0.002)):
        halved = rate / 2  # by the warm-up
        assert [rates[id(p)] for p in network.parameters()] == pytest.approx([halved] * len(list(network.parameters())))


def leftness(x: Tensor) -> Tensor:
    """Brightness of the left column less that of the right, one of which is dark; B."""
    return x[:, 0, :, 1].mean(1) - x[:, 0, :, 5].mean(1)


def test_training_makes_attributes_that_can_be_turned() -> None:
    """Judged by the pixels, of which the discriminator knows nothing: the bright column's place and brightness."""
    gan = made(widths=(16, 32), optimizer=lambda parameters: torch.optim.Adam(parameters, 2e-3, betas=(0.5, 0.999)))
    data = Patches(batch_size=32)
    trainer = pl.Trainer(max_epochs=60, limit_val_batches=0, **QUIET)
    trainer.fit(gan, datamodule=data)
    (reported,) = trainer.test(gan, datamodule=data, verbose=False)
    assert reported["test/accuracy"] > 0.9 and reported["test/edits_seen"] > 0.9
    assert reported["test/reconstruction_error"] < 0.1
    batch = data.split("test").__getitems__(range(16))
    x, a = batch["x"], batch["attributes"]
    moved, dim = a.clone(), a.clone()
    moved[:, 0], dim[:, 1] = 1 - a[:, 0], 50.0
    with torch.no_grad():
        back, other, darker = (gan.eval()(x, b) for b in (a, moved, dim))
    assert (leftness(back) - leftness(x)).abs().mean() < 0.1
    assert (leftness(other) * leftness(x) < 0).all(), "on the other side"
    bright = a[:, 1] > 75
    assert (leftness(darker).abs() - 0.5)[bright].abs().mean() < 0.1
    assert (leftness(x).abs() - 0.5)[bright].mean() > 0.2


def test_what_is_reported_is_of_every_sample() -> None:
    gan, data = made(edited=1.0), Patches(batch_size=16)
    gan.generator.units.learn(data.split("train").attributes)
    (reported,) = pl.Trainer(**QUIET).test(gan, datamodule=data, verbose=False)
    gan.eval()
    batch, units = data.split("test").__getitems__(range(16)), gan.generator.units
    x, a = batch["x"], batch["attributes"]
    b = gan.mixed(a, torch.Generator().manual_seed(hash((0, 0))))
    with torch.no_grad():
        back, edit = gan(x, a), gan(x, b)
        seen, told = gan.discriminator(x)[1], gan.discriminator(edit)[1]
    turned = a[:, 0] != b[:, 0]
    expected = {
        "reconstruction_error": (back - x).flatten(1).square().mean(1).sqrt().mean(),
        "attribute_error": units.loss(seen, a).mean(),
        "edit_error": units.loss(told, b).mean(),
        "accuracy": ((seen > 0) == (a > 0.5))[:, 0].float().mean(),
        "edits_seen": ((told > 0) == (b > 0.5))[turned, 0].float().mean(),
        "loss": (x - back).abs().mean() + 0.1 * units.loss(told, b).mean(),
    }
    assert reported == {f"test/{name}": pytest.approx(float(value), rel=1e-5) for name, value in expected.items()}
    assert 0 < turned.sum() < 16


def test_a_checkpoint_is_a_chart_in_the_units_of_its_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With averaged weights, which are copied before the units are learnt."""
    monkeypatch.chdir(tmp_path)
    write_mnist(tmp_path / "data")
    small = [f"--model.init_args.{part}.init_args.widths=[4,4]" for part in ("generator", "discriminator")]
    fit("mnist/attgan.yaml", *small, "--data.n_val=20", "--data.attributes=[thickness,width]")
    known = MNIST(n_val=20, attributes=["thickness", "width"]).split("train").attributes
    task = load("runs/mnist/attgan/best.ckpt", AttGANModule)
    chart, x = load_chart("runs/mnist/attgan/best.ckpt"), torch.rand(3, 1, 28, 28)
    assert isinstance(chart, AttributeChart) and chart.names == ("thickness", "width") and not chart.units.binary.any()
    assert torch.equal(chart.units.low, known.amin(0)) and torch.equal(chart.units.high, known.amax(0))
    assert torch.allclose(chart.units.centre, known.mean(0)) and torch.allclose(chart.units.scale, known.std(0))
    with torch.no_grad():
        z = chart.encode(x)
        read = task.generator.units.read(task.discriminator(x)[1])
        assert torch.allclose(chart.named(z), read, atol=1e-5)
        assert torch.allclose(chart.decode(z), task(x, read), atol=1e-5)


def test_what_nothing_can_be_learnt_of_is_refused() -> None:
    data = Patches(more={"bald": torch.zeros(96), "old": torch.full((96,), torch.nan)})
    with pytest.raises(InputError) as caught:
        pl.Trainer(max_epochs=1, **QUIET).fit(made([*NAMES, "bald", "old"]), datamodule=data)
    assert "attribute bald is 0 in all 64 training images" in str(caught.value)
    assert "attribute old is not known of 64 of 64 training images" in str(caught.value)


def test_what_does_not_fit_the_data() -> None:
    assert made().problems_with(Patches()) == []
    assert made().problems_with(Digits()) == [
        "the model is for attributes, and Digits gives none: name them with --data.attributes"
    ]
    (problem,) = made(["light", "left"]).problems_with(Patches())
    assert problem.startswith("the model is for the attributes light, left; Patches gives left, light")
    data = Patches()
    data.shape = (1, 9, 9)
    assert [p.partition(" was made")[0] for p in made().problems_with(data)] == ["the generator", "the discriminator"]
    with pytest.raises(InputError, match="the model is for attributes, and Digits gives none"):
        pl.Trainer(max_epochs=1, **QUIET).fit(made(), datamodule=Digits())


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"edited": 0.0}, "edited is a probability above 0; got 0.0"),
        ({"edited": 1.5}, "edited is a probability above 0; got 1.5"),
        ({"attribute": -1.0}, "attribute must not be negative; got -1.0"),
        ({"noise": -0.1}, "noise must not be negative; got -0.1"),
        ({"generator_rate": 0.0}, "generator_rate must be positive; got 0.0"),
        ({"loss": NonSaturating}, "loss must be an object, not the class NonSaturating"),
    ],
)
def test_numbers_out_of_range(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        made(**settings)


def test_both_must_know_the_same_attributes() -> None:
    discriminator = AttributeDiscriminator([1, 8, 8], ["light", "left"], [4], features=8)
    with pytest.raises(
        InputError, match="the generator edits left, light, the discriminator looks at light, left: give"
    ):
        AttGANModule(AttributeGenerator([1, 8, 8], NAMES, [4], 0, 0), discriminator)
