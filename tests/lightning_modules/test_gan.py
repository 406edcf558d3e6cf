from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F

from datamodules import Digits, Helix
from lightning_modules import GANModule, load
from lightning_modules.gan import spread
from networks import AdaptiveAugment, DCDiscriminator, DCGenerator, InputError, NonSaturating, Wasserstein
from tests.support.runs import fit

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


def made(num_classes: int | None = None, **settings: Any) -> GANModule:
    torch.manual_seed(0)
    generator = DCGenerator([1, 8, 8], 5, [6, 8], num_classes)
    discriminator = DCDiscriminator([1, 8, 8], [6, 8], num_classes)
    return GANModule(generator, discriminator, **settings)


def module(num_classes: int | None = None, **settings: Any) -> GANModule:
    """Without a trainer, at its first step."""
    gan: Any = made(num_classes, **settings)
    gan.log = gan.log_dict = lambda *args, **kwargs: None
    gan._trainer = SimpleNamespace(global_step=0)
    return gan


def batch_of(n: int = 8) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return {"x": torch.rand(n, 1, 8, 8), "y": torch.arange(n) % 3}


@pytest.mark.parametrize("num_classes", [None, 3])
def test_each_loss_is_one_of_its_own_weights_alone(num_classes: int | None) -> None:
    """The one backward pass gives what the two of the textbook give."""
    gan, batch = module(num_classes, loss=NonSaturating(gamma=2.0, every=1)), batch_of()
    y = None if num_classes is None else batch["y"]
    torch.manual_seed(1)
    gan.training_step(batch, 0).backward()
    torch.manual_seed(1)
    samples = gan.generator(gan.generator.draw(8, y))
    of_made = gan.discriminator(samples.detach(), y)
    x = batch["x"].clone().requires_grad_()
    of_real = gan.discriminator(x, y)
    (slope,) = torch.autograd.grad(of_real.sum(), x, create_graph=True)
    r1 = slope.square().flatten(1).sum(1).mean()
    loss = F.softplus(-of_real).mean() + F.softplus(of_made).mean() + 2.0 / 2 * r1
    expected = torch.autograd.grad(loss, list(gan.discriminator.parameters()))
    for parameter, grad in zip(gan.discriminator.parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, grad, atol=1e-6)
    expected = torch.autograd.grad(
        F.softplus(-gan.discriminator(samples, y)).mean(), list(gan.generator.parameters()), retain_graph=True
    )
    for parameter, grad in zip(gan.generator.parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, grad, atol=1e-6)


def test_what_is_real_makes_the_augmentation_adapt() -> None:
    gan = module(augment=AdaptiveAugment(target=0.0, images=100), loss=Wasserstein())
    gan.discriminator.critic.head.bias.data.fill_(9.0)
    gan.training_step(batch_of(), 0)
    assert abs(float(gan.augment.p) - 0.08) < 1e-6


def test_spread() -> None:
    x = torch.stack([torch.zeros(1, 2, 2), torch.ones(1, 2, 2), torch.zeros(1, 2, 2)])
    assert abs(float(spread(x)) - 2 / 3) < 1e-6 and float(spread(x[:1])) == 0


def test_training_makes_samples_like_the_data(tmp_path: Path) -> None:
    fit_digits(tmp_path, "--trainer.max_epochs=20", "--trainer.callbacks=null", "--data.batch_size=32")
    gan = load(tmp_path / "gan/best.ckpt", GANModule)
    real = Digits().split("val").x
    samples = gan.sample(len(real), generator=torch.Generator().manual_seed(0))
    assert float((samples.mean(0) - real.mean(0)).abs().mean()) < 0.08 < float((0.5 - real.mean(0)).abs().mean())
    assert 0.6 < float(spread(samples) / spread(real)) < 1.4


def test_classes_are_drawn_as_often_as_there_are_images_of_them() -> None:
    gan, data = module(10), Digits(batch_size=64)
    pl.Trainer(max_steps=1, enable_checkpointing=False, limit_val_batches=0, **QUIET).fit(gan, datamodule=data)
    y = torch.as_tensor(data.split("train").y)
    assert torch.allclose(gan.generator.class_shares, torch.bincount(y, minlength=10) / len(y))
    assert "generator.class_shares" in gan.state_dict()


def fit_digits(folder: Path, *args: str) -> None:
    """configs/mnist/dcgan.yaml on UCI's digits."""
    own = "--model.init_args"
    small = [
        f"{own}.{network}.init_args.{name}"
        for network in ("generator", "discriminator")
        for name in ("shape=[1,8,8]", "widths=[16,32]")
    ]
    fit(
        "mnist/dcgan.yaml",
        "--data=datamodules.Digits",
        *small,
        f"{own}.generator.init_args.latent_dim=6",
        f"--trainer.default_root_dir={folder}/gan",
        *args,
        tiny=False,
    )


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    """In the middle of an epoch, with averaged weights and an augmentation that adapts."""
    common = ["--trainer.max_epochs=2", "--data.batch_size=64", "--model.init_args.augment=networks.AdaptiveAugment"]
    fit_digits(tmp_path / "whole", *common)
    fit_digits(tmp_path / "stopped", *common, "--trainer.max_steps=20")
    last = tmp_path / "stopped/gan/last.ckpt"
    assert torch.load(last, weights_only=True)["global_step"] == 20
    fit_digits(tmp_path / "stopped", *common, f"--ckpt_path={last}")
    whole, stopped = (torch.load(p, weights_only=True) for p in (tmp_path / "whole/gan/last.ckpt", last))
    assert whole["global_step"] == stopped["global_step"] == 32
    assert all(torch.equal(stopped["state_dict"][name], value) for name, value in whole["state_dict"].items())
    assert float(whole["state_dict"]["augment.p"]) > 0


def test_a_gan_without_an_inverter_is_a_chart_by_optimisation_alone() -> None:
    torch.manual_seed(0)
    task = GANModule(DCGenerator([1, 8, 8], 3, [8]), DCDiscriminator([1, 8, 8], [8])).eval()
    chart = task.chart()
    with torch.no_grad():
        x = chart.decode(torch.randn(2, 3))
    assert torch.allclose(chart.decode(chart.encode(x)), x, atol=0.02)


def test_what_does_not_fit_the_data() -> None:
    assert "made for samples of shape (1, 8, 8)" in module().problems_with(Helix())[0]
    assert module(3).problems_with(Digits()) == [
        "the generator knows 3 classes, but Digits has 10: set num_classes of generator and discriminator to that, or "
        "to null"
    ]


def test_both_must_know_the_same_classes() -> None:
    with pytest.raises(InputError, match="knows 2 classes, and the discriminator no classes: give both the same num_"):
        GANModule(DCGenerator([1, 8, 8], 3, [8], num_classes=2), DCDiscriminator([1, 8, 8], [8]))


def test_a_collapse_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_modules.gan.EARLY", 1)
    gan = made(optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.0))
    gan.generator.layers[-2].weight.data.zero_()
    trainer = pl.Trainer(max_epochs=1, enable_checkpointing=False, limit_train_batches=2, **QUIET)
    with pytest.warns(UserWarning, match="the generator has collapsed: its samples differ 0% as much"):
        trainer.fit(gan, datamodule=Digits(batch_size=64))
