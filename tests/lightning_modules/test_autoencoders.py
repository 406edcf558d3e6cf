from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from datamodules import Digits, Helix
from lightning_modules import ClassAutoencodersModule, load
from networks import ClassAutoencoders, ConvAutoencoder, VectorAutoencoder
from tests.support.runs import fit

QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "enable_checkpointing": False,
}


def module(num_classes: int = 10) -> ClassAutoencodersModule:
    autoencoders = ClassAutoencoders(lambda: ConvAutoencoder([1, 8, 8], [8, 8], 6), num_classes)
    return ClassAutoencodersModule(autoencoders, lambda p: torch.optim.Adam(p, 5e-3))


def test_loss_is_the_mean_square_error_of_the_own_and_of_the_overall_autoencoder() -> None:
    task, batch = module(), next(iter(Digits(batch_size=16).val_dataloader()))
    x, y = batch["x"], batch["y"]
    own = torch.cat([task.autoencoders.by_class[int(c)](x[i : i + 1]) for i, c in enumerate(y)])
    expected = ((own - x) ** 2).mean() + ((task.autoencoders.overall(x) - x) ** 2).mean()
    assert torch.allclose(task.training_step(batch, 0), expected)


def test_an_image_teaches_the_autoencoder_of_its_class_and_the_overall_one_alone() -> None:
    task = module()
    batch = {"x": torch.rand(6, 1, 8, 8), "y": torch.tensor([3, 7, 3, 3, 7, 7])}
    task.training_step(batch, 0).backward()
    gradients = [torch.cat([p.grad.flatten() for p in ae.parameters()]) for ae in task.autoencoders.by_class]
    assert [c for c, g in enumerate(gradients) if g.any()] == [3, 7]
    assert all(p.grad.any() for p in task.autoencoders.overall.parameters())

    task.zero_grad()
    batch["x"][batch["y"] == 7] = torch.rand(3, 1, 8, 8)
    task.training_step(batch, 0).backward()
    again = [torch.cat([p.grad.flatten() for p in ae.parameters()]) for ae in task.autoencoders.by_class]
    assert torch.equal(gradients[3], again[3]) and not torch.allclose(gradients[7], again[7])


def test_each_learns_its_class() -> None:
    """Images are nearer to their own class's autoencoder than to another's."""
    data, task = Digits(batch_size=64), module()
    trainer = pl.Trainer(max_epochs=12, limit_val_batches=0, **QUIET)
    trainer.fit(task, datamodule=data)
    test = data.split("test").__getitems__(range(449))
    with torch.no_grad():
        own = task(test["x"], test["y"])[0]
        others = task(test["x"], (test["y"] + 1) % 10)[0]
    assert (own < others).float().mean() > 0.9
    reported = trainer.test(task, datamodule=data, verbose=False)[0]
    assert reported["test/own_class"] == pytest.approx(float(own.mean()), rel=1e-4)


def test_problems_name_what_to_change() -> None:
    data = Digits()
    assert module().problems_with(data) == []
    (problem,) = module(7).problems_with(data)
    assert "autoencoders for 7 classes, but Digits has 10" in problem and "num_classes: 10" in problem
    points = ClassAutoencodersModule(ClassAutoencoders(lambda: VectorAutoencoder([3]), 2))
    assert points.problems_with(Helix()) == []
    assert len(points.problems_with(data)) == 2
    data.task = "regression"
    (problem,) = module().problems_with(data)
    assert "need class labels; Digits is for regression" in problem


def test_a_checkpoint_gives_back_weights_and_class_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fit("digits/autoencoders.yaml")
    path = "runs/digits/autoencoders/best.ckpt"
    again, saved = load(path, ClassAutoencodersModule), torch.load(path, weights_only=True)
    assert again.class_names == [str(d) for d in range(10)]
    assert len(again.autoencoders.by_class) == 10
    assert all(torch.equal(v, saved["state_dict"][k]) for k, v in again.state_dict().items())

    data = Digits()
    assert again.problems_with(data) == []
    data.class_names = ["zero", *data.class_names[1:]]
    (problem,) = again.problems_with(data)
    assert "were trained on the classes 0, 1, 2" in problem and "those of Digits are zero, 1" in problem
