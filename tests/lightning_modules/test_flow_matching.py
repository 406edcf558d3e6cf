import pytest
import pytorch_lightning as pl
import torch

from callbacks import EMA
from datamodules import Digits
from lightning_modules import FlowMatchingModule, FlowModule, load
from lightning_modules.flow_matching import UNIFORM, times
from networks import ContinuousFlow, InputError, VelocityUNet

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


def module(levels: int | None = 17, num_conditions: int = 0, **settings) -> FlowMatchingModule:
    torch.manual_seed(0)
    velocity = VelocityUNet([1, 8, 8], [16, 16], num_conditions=num_conditions)
    return FlowMatchingModule(ContinuousFlow(velocity, levels=levels), **settings)


def test_the_loss_before_training_is_the_variance_of_the_velocity() -> None:
    """v = 0 at the start: E‖x₁ − x₀‖² = E x₁² + 1 for every entry."""
    x = torch.rand(4000, 1, 8, 8)
    loss = module(levels=None)(x).mean()
    assert loss.item() == pytest.approx(((2 * x - 1).square().mean() + 1).item(), rel=0.02)


def test_learns_digits_and_chooses_its_steps(tmp_path) -> None:
    fm, data = module(reconstruction_error=0.02), Digits(batch_size=64)
    before = fm(data.split("val").x).mean()
    trainer = pl.Trainer(**QUIET, max_epochs=6, default_root_dir=tmp_path)
    trainer.fit(fm, datamodule=data)
    assert trainer.callback_metrics["val/loss"] < 0.6 * before
    assert trainer.callback_metrics["val/reconstruction_error"] <= 0.02
    assert int(fm.flow.steps) == int(trainer.callback_metrics["val/steps"])
    (tested,) = trainer.test(fm, datamodule=data, verbose=False)
    assert 0 < tested["test/bpd"] < 5 and tested["test/reconstruction_error"] < 0.04
    samples = fm.sample(200).clamp(0, 1)
    real, noise = data.split("test").x, torch.rand(200, 1, 8, 8)
    mean = real.mean(0)
    assert (samples.mean(0) - mean).abs().mean() < 0.5 * (noise.mean(0) - mean).abs().mean()


def test_the_same_validation_every_time() -> None:
    data, losses = Digits(batch_size=64), []
    for seed in (1, 2):
        fm = module()
        torch.manual_seed(seed)
        losses.append(pl.Trainer(**QUIET).validate(fm, datamodule=data, verbose=False)[0]["val/loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_conditions_and_grey_values_are_checked() -> None:
    assert "levels=256, but Digits has 17" in module(levels=256).problems_with(Digits())[0]
    assert "conditional on 3 classes, but Digits has 10" in module(num_conditions=3).problems_with(Digits())[0]
    with pytest.raises(InputError, match="a class-conditional flow is no chart"):
        module(num_conditions=3).chart()


def test_a_flow_is_wanted_and_a_classifier_came(digits_home) -> None:
    with pytest.raises(InputError, match="ClassifierModule, but one of FlowModule, FlowMatchingModule is needed"):
        load(digits_home / "runs/digits/classifier/best.ckpt", FlowModule, FlowMatchingModule)


def test_a_checkpoint_of_averaged_weights_has_their_steps(tmp_path) -> None:
    fm = module(reconstruction_error=1e-4)
    checkpoint = pl.callbacks.ModelCheckpoint(tmp_path, "best", monitor="val/loss", save_weights_only=False)
    trainer = pl.Trainer(**QUIET, max_epochs=3, callbacks=[EMA(0.9), checkpoint])
    trainer.fit(fm, datamodule=Digits(batch_size=64))
    chosen = int(trainer.callback_metrics["val/steps"])
    saved = torch.load(checkpoint.best_model_path)["state_dict"]
    assert chosen > 8 and int(saved["flow.steps"]) == chosen
    fm.flow.load_state_dict({k.removeprefix("flow."): v for k, v in saved.items()})
    assert fm.flow.reconstruction_error(Digits().split("val").x[:64]) <= 1.1e-4


def test_times_reach_both_ends() -> None:
    # The logit-normal alone puts 2e-6 below 0.01: solvers evaluate v at 0 and 1, where nothing would be learned.
    t = times(200_000, torch.device("cpu"), torch.Generator().manual_seed(0))
    assert t.min() >= 0 and t.max() <= 1
    for end in (t < 0.01, t > 0.99):
        assert end.float().mean() == pytest.approx(UNIFORM * 0.01, rel=0.2)
    middle = (t - 0.5).abs() < 0.1
    logit_normal = torch.erf(torch.tensor(0.6).logit() / 2**0.5)
    assert middle.float().mean() == pytest.approx(0.9 * float(logit_normal) + 0.1 * 0.2, rel=0.02)
