import math
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from callbacks import EMA, Samples, Spectrum
from datamodules import Digits, Helix
from lightning_modules import FlowModule
from networks import InputError, RealNVP, VectorRealNVP

QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "enable_checkpointing": False,
}


def test_loss_is_bits_per_dim_of_the_dequantised_batch() -> None:
    flow = VectorRealNVP([1, 8, 8], 2, [8], levels=17)
    module, batch = FlowModule(flow), next(iter(Digits(batch_size=16).val_dataloader()))
    torch.manual_seed(1)
    loss = module.training_step(batch, 0)
    torch.manual_seed(1)
    x = batch["x"] + (torch.rand_like(batch["x"]) - 0.5) / 16
    expected = (-flow.log_prob(x) + 64 * math.log(16)) / (64 * math.log(2))
    assert torch.allclose(loss, expected.mean())


def test_training_lowers_bits_per_dim_and_validation_is_repeatable() -> None:
    data = Digits(batch_size=128)
    module = FlowModule(VectorRealNVP([1, 8, 8], 2, [32], levels=17))
    trainer = pl.Trainer(max_epochs=3, **QUIET)
    before = trainer.validate(module, datamodule=data, verbose=False)[0]["val/bpd"]
    trainer.fit(module, datamodule=data)
    first, second = (trainer.validate(module, datamodule=data, verbose=False)[0]["val/bpd"] for _ in range(2))
    assert first == second < before


def test_noise_thickens_continuous_data() -> None:
    module = FlowModule(VectorRealNVP([3], 2, [8]), noise=0.1)
    x = torch.zeros(20_000, 3)
    assert module._noisy(x).std() == pytest.approx(0.1, abs=0.002)


def test_wrong_levels_are_refused() -> None:
    module = FlowModule(VectorRealNVP([1, 8, 8], 2, [8], levels=256))
    (problem,) = module.problems_with(Digits())
    assert "levels=256, but Digits has 17 grey values" in problem
    assert len(module.problems_with(Helix())) == 2


def conditional_module(classes: int = 10) -> FlowModule:
    return FlowModule(RealNVP([1, 8, 8], 4, 1, levels=17, alpha=0.2, num_conditions=classes), warmup_steps=3)


def test_a_conditional_flow_trains_on_labels_and_samples_every_class(tmp_path: Path) -> None:
    module = conditional_module()
    trainer = pl.Trainer(
        max_epochs=2, limit_train_batches=3, default_root_dir=tmp_path, callbacks=[Samples(20, 1)], **QUIET
    )
    trainer.fit(module, datamodule=Digits(batch_size=32))
    assert (tmp_path / "samples" / "epoch-001.png").is_file()
    whiten = [p for n, p in module.flow.named_parameters() if n.endswith("prior")]
    assert whiten and all((p[1:] != 0).any() for p in whiten)


def test_a_conditional_flow_is_no_chart_and_must_know_all_classes() -> None:
    with pytest.raises(InputError, match="no chart"):
        conditional_module().chart()
    (problem,) = conditional_module(7).problems_with(Digits())
    assert "conditional on 7 classes, but Digits has 10" in problem
    with pytest.raises(InputError, match="no chart"):
        pl.Trainer(callbacks=[Spectrum()], max_epochs=1, **QUIET).fit(conditional_module(), datamodule=Digits())


def test_the_rate_warms_up_step_by_step_and_then_follows_the_schedule() -> None:
    module = FlowModule(
        VectorRealNVP([1, 8, 8], 2, [8], levels=17),
        optimizer=lambda p: torch.optim.SGD(p, lr=1.0),
        scheduler=lambda o: torch.optim.lr_scheduler.StepLR(o, 1, 0.5),
        warmup_steps=4,
    )
    rates: list[float] = []

    class Watch(pl.Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    pl.Trainer(max_epochs=3, limit_train_batches=3, limit_val_batches=0, callbacks=[Watch()], **QUIET).fit(
        module, datamodule=Digits(batch_size=8)
    )
    warm, halved = [0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1], [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]
    assert rates == pytest.approx([a * b for a, b in zip(warm, halved, strict=True)])


@pytest.mark.slow
def test_compiled_it_is_the_same_training() -> None:
    """With ActNorm's start and an averaged copy, which must not hold what cannot be copied."""

    def trained(compiled: bool) -> FlowModule:
        pl.seed_everything(0)
        module = FlowModule(RealNVP([1, 8, 8], 4, 1, levels=17, alpha=0.2), compiled=compiled)
        trainer = pl.Trainer(max_epochs=2, limit_train_batches=4, callbacks=[EMA()], **QUIET)
        trainer.fit(module, datamodule=Digits(batch_size=32))
        assert (module._fast_log_prob is not None) == compiled
        return module

    plain, fast = trained(False).state_dict(), trained(True).state_dict()
    assert all(torch.allclose(plain[name], fast[name], atol=1e-4) for name in plain)
