import math
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F

from callbacks import Samples
from datamodules import Digits, Helix, Scenes
from lightning_modules import InvertibleClassifierModule, load, load_predictor
from networks import GaussianMixture, InputError, InvertibleClassifier, LinearHead, VectorRealNVP

QUIET = {
    "inference_mode": False,  # torchmetrics cannot go on in a fit with what it made in inference mode
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "enable_checkpointing": False,
}


def module(head=GaussianMixture, classes: int = 10, levels: int | None = 17, **settings) -> InvertibleClassifierModule:
    torch.manual_seed(0)
    flow = VectorRealNVP([1, 8, 8], 4, [32], levels=levels)
    return InvertibleClassifierModule(InvertibleClassifier(flow, lambda dim: head(dim, classes)), **settings)


def test_the_loss_is_bits_per_dim_and_cross_entropy_weighed() -> None:
    own, batch = module(cross_entropy=0.7), next(iter(Digits(batch_size=16).val_dataloader()))
    torch.manual_seed(1)
    loss = own.training_step(batch, 0)
    torch.manual_seed(1)
    x = batch["x"] + (torch.rand_like(batch["x"]) - 0.5) / 16
    z, log_det = own.network.flow(x)
    bits = (-(own.network.head.log_prob(z) + log_det) + 64 * math.log(16)) / (64 * math.log(2))
    assert torch.allclose(loss, bits.mean() + 0.7 * F.cross_entropy(own.network.head(z), batch["y"]))


@pytest.mark.parametrize("head", [GaussianMixture, LinearHead])
def test_it_learns_density_and_classes(head, tmp_path: Path) -> None:
    data, own = Digits(batch_size=128), module(head, optimizer=lambda p: torch.optim.Adam(p, lr=2e-3))
    trainer = pl.Trainer(max_epochs=8, default_root_dir=tmp_path, callbacks=[Samples(20, 4)], **QUIET)
    before = trainer.validate(own, datamodule=data, verbose=False)[0]
    trainer.fit(own, datamodule=data)
    after = trainer.validate(own, datamodule=data, verbose=False)[0]
    assert after["val/bpd"] < before["val/bpd"] and after["val/accuracy"] > 0.85
    assert 0 <= after["val/calibration"] < 0.15 and after["val/cross_entropy"] < before["val/cross_entropy"]
    assert trainer.validate(own, datamodule=data, verbose=False)[0] == after
    assert (tmp_path / "samples" / "epoch-003.png").is_file()


def test_calibration_is_how_much_confidences_are_off() -> None:
    """Sure of one class of two where it is right three times of four."""
    own = module(LinearHead, classes=2)
    own.calibration["val"].update(torch.tensor([[0.99, 0.01]] * 4), torch.tensor([0, 0, 0, 1]))
    assert float(own.calibration["val"].compute()) == pytest.approx(0.24, abs=1e-6)


def test_its_checkpoint_is_predictor_and_chart(tmp_path: Path) -> None:
    config = {
        "network": {
            "class_path": "networks.InvertibleClassifier",
            "init_args": {
                "flow": {
                    "class_path": "networks.VectorRealNVP",
                    "init_args": {"shape": [1, 8, 8], "num_blocks": 2, "hidden": [8], "levels": 17},
                },
                "head": {"class_path": "networks.GaussianMixture", "init_args": {"num_classes": 10}},
            },
        }
    }
    own = module()
    flow = VectorRealNVP([1, 8, 8], 2, [8], levels=17)
    own = InvertibleClassifierModule(InvertibleClassifier(flow, lambda dim: GaussianMixture(dim, 10)))
    trainer = pl.Trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=0, **QUIET)
    trainer.fit(own, datamodule=Digits(batch_size=8))
    trainer.save_checkpoint(tmp_path / "own.ckpt")
    saved = torch.load(tmp_path / "own.ckpt", weights_only=True)
    saved["hyper_parameters"] |= config | {"_instantiator": "pytorch_lightning.cli.instantiate_module"}
    saved["hyper_parameters"]["_class_path"] = "lightning_modules.InvertibleClassifierModule"
    torch.save(saved, tmp_path / "own.ckpt")
    x = torch.rand(3, 1, 8, 8)
    predictor = load_predictor(str(tmp_path / "own.ckpt"))
    loaded = load(str(tmp_path / "own.ckpt"), InvertibleClassifierModule).eval()
    assert torch.equal(predictor.eval()(x), own.network.eval()(x)) and torch.equal(loaded(x), own.network(x))
    assert torch.allclose(loaded.chart().decode(loaded.chart().encode(x)), x, atol=1e-4)


def test_what_does_not_fit_the_data_is_named() -> None:
    (problem,) = module(classes=7).problems_with(Digits())
    assert "the head is for 7 classes, but Digits has 10" in problem and "num_classes to 10" in problem
    assert "levels=256, but Digits has 17 grey values" in module(levels=256).problems_with(Digits())[0]
    assert "needs class labels; Scenes is for regression" in module().problems_with(Scenes())[0]
    assert "made for samples of shape (1, 8, 8), but Helix gives (3,)" in module().problems_with(Helix())[0]
    with pytest.raises(InputError, match="cross_entropy must not be negative"):
        module(cross_entropy=-1.0)
