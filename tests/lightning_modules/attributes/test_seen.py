from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F

from datamodules import CelebA, Digits
from lightning_modules import AttributesModule, load
from networks import CNN, InputError
from tests.support.patches import Patches
from tests.support.runs import fit
from tests.support.trees import write_celeba

QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "enable_checkpointing": False,
}


def module(
    names: list[str], shape: tuple[int, int, int] = (1, 8, 8), num_classes: int | None = None
) -> AttributesModule:
    torch.manual_seed(0)
    network = CNN(shape, num_classes or len(names), widths=[8, 8])
    return AttributesModule(network, names, lambda p: torch.optim.Adam(p, 0.02))


def fitted(task: AttributesModule, data: Any, epochs: int) -> pl.Trainer:
    trainer = pl.Trainer(max_epochs=epochs, limit_val_batches=0, **QUIET)
    trainer.fit(task, datamodule=data)
    return trainer


def test_units_are_learnt_from_the_training_images() -> None:
    data, task = Patches(), module(["left", "light"])
    known = data.split("train").attributes
    fitted(task, data, 1)
    assert task.units.binary.tolist() == [True, False]
    assert torch.equal(task.units.low, known.amin(0)) and torch.equal(task.units.high, known.amax(0))
    assert torch.allclose(task.units.centre[1], known[:, 1].mean())


def test_learns_both_kinds_and_reports_every_sample() -> None:
    data, task = Patches(batch_size=16), module(["left", "light"])
    trainer = fitted(task, data, 12)
    (reported,) = trainer.test(task, datamodule=data, verbose=False)
    test = data.split("test").__getitems__(range(16))
    a = test["attributes"]
    with torch.no_grad():
        said = task.eval()(test["x"])
    right = ((said[:, 0] > 0) == (a[:, 0] > 0.5)).float().mean()
    off = (task.units.read(said) - a)[:, 1].abs().mean()
    assert reported["test/accuracy"] == reported["test/accuracy/left"] == pytest.approx(float(right))
    assert reported["test/error/light"] == pytest.approx(float(off), rel=1e-5)
    entropy = F.binary_cross_entropy_with_logits(said[:, 0], a[:, 0])
    square = (said[:, 1] - task.units.taken(a)[:, 1]).square().mean()
    assert reported["test/loss"] == pytest.approx(float((entropy + square) / 2), rel=1e-5)
    assert right > 0.9 and off < 0.5 * (a[:, 1] - a[:, 1].mean()).abs().mean()
    assert "test/error/left" not in reported and "test/accuracy/light" not in reported


def test_learns_what_can_be_seen_of_faces(tmp_path: Path) -> None:
    """Young is bright in half of these images, and Bald a third of them whatever they show."""
    data = CelebA(str(write_celeba(tmp_path)), size=8, attributes=["Young", "Bald"], batch_size=12)
    task = module(["Young", "Bald"], (3, 8, 8))
    (reported,) = fitted(task, data, 8).test(task, datamodule=data, verbose=False)
    assert reported["test/accuracy/Young"] > 0.9 and reported["test/accuracy/Bald"] < 0.9
    mean = (reported["test/accuracy/Young"] + reported["test/accuracy/Bald"]) / 2
    assert reported["test/accuracy"] == pytest.approx(mean)


def test_a_checkpoint_knows_the_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_celeba(tmp_path / "data")
    small = ["--model.init_args.network.init_args.widths=[4,4]", "--model.init_args.network.init_args.shape=[3,8,8]"]
    fit("celeba_young/attributes.yaml", *small, "--data.size=8", "--data.attributes=[Young,Bald,Male]")
    task = load(tmp_path / "runs/celeba_young/attributes/best.ckpt", AttributesModule)
    assert task.units.names == ("Young", "Bald", "Male") and task.units.binary.all()
    assert task(torch.rand(2, 3, 8, 8)).shape == (2, 3), "of the data's attributes, as the config left it"


def test_what_nothing_can_be_learnt_of_is_refused() -> None:
    data = Patches(more={"bald": torch.zeros(96)})
    with pytest.raises(InputError, match="attribute bald is 0 in all 64 training images"):
        fitted(module(["left", "light", "bald"]), data, 1)


def test_problems_name_what_to_change() -> None:
    data = Patches()
    assert module(["left", "light"]).problems_with(data) == []
    assert module(["left", "light"]).problems_with(Digits()) == [
        "the model is for attributes, and Digits gives none: name them with --data.attributes"
    ]
    for names in (["left"], ["light", "left"]):
        (problem,) = module(names).problems_with(data)
        assert problem.startswith(f"the model is for the attributes {', '.join(names)}; Patches gives left, light")
    (problem,) = module(["left", "light"], num_classes=3).problems_with(data)
    assert "returns (3,) numbers an image, but there are 2 attributes" in problem and "num_classes to 2" in problem
    (problem,) = module(["left", "light"], (1, 12, 12)).problems_with(data)
    assert "the network was made for samples of shape (1, 12, 12), but Patches gives (1, 8, 8)" in problem
    with pytest.raises(InputError, match="the model is for the attributes left; Patches gives"):
        fitted(module(["left"]), data, 1)
