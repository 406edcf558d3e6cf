from pathlib import Path

import pytest
import torch
from torch import nn

from callbacks import Reconstructions, StoredProbabilities
from callbacks.measures.oracles import SOME
from datamodules import Digits
from lightning_modules import ClassifierModule
from networks import CNN, Adapter, InputError
from tests.lightning_modules.test_hierarchical_vae import classifier, module, trainer


def test_the_classifier_is_asked_once_and_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    task, network, data = module(), classifier(), Digits(batch_size=64)
    asked = []
    network.register_forward_hook(lambda _, given, answer: asked.append(len(answer)))
    trainer(StoredProbabilities(network), max_epochs=2, limit_train_batches=2).fit(task, datamodule=data)
    splits = ("train", "val")
    samples = sum(len(data.split(name)) for name in splits)
    assert samples < sum(asked) < samples + 20 * SOME  # what it answers is looked at on some, first
    for name in splits:
        x = data.split(name).__getitems__(range(len(data.split(name))))["x"]
        assert torch.allclose(task.probabilities[name], network(x).softmax(1), atol=1e-6)
    again = module()
    asked.clear()
    trainer(StoredProbabilities(network), max_epochs=1, limit_train_batches=1).fit(again, datamodule=data)
    assert not asked  # from the cache


def test_probabilities_are_taken_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a classifier that ends in a softmax: another softmax would make all classes nearly alike."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    task, network, data = module(), nn.Sequential(classifier(), nn.Softmax(1)).eval(), Digits(batch_size=449)
    trainer(StoredProbabilities(network)).test(task, datamodule=data, verbose=False)
    x = data.split("test").__getitems__(range(449))["x"]
    assert torch.allclose(task.probabilities["test"], network(x), atol=1e-5)


def test_labels_that_do_not_exclude_each_other_are_no_condition() -> None:
    network = Adapter(classifier(), outputs="multi-label")
    with pytest.raises(InputError, match="labels that do not exclude each other, and probabilities of classes are"):
        trainer(StoredProbabilities(network)).test(module(), datamodule=Digits(batch_size=449), verbose=False)


def test_reconstructions_are_shown_and_the_classifier_is_not_saved(tmp_path: Path) -> None:
    task = module()
    settings = {"max_epochs": 1, "limit_train_batches": 2, "default_root_dir": tmp_path}
    trainer(StoredProbabilities(classifier()), Reconstructions(4), **settings).fit(task, datamodule=Digits())
    assert (tmp_path / "reconstructions" / "epoch-000.png").is_file()
    assert all(name.startswith("vae.") for name in task.state_dict())


def test_the_test_split_alone_where_nothing_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    task = module()
    trainer(StoredProbabilities(classifier())).test(task, datamodule=Digits(batch_size=449), verbose=False)
    assert list(task.probabilities) == ["test"] and task.probabilities["test"].shape == (449, 10)


def test_what_does_not_fit_is_named() -> None:
    data = Digits()
    with pytest.raises(InputError, match="has 7 classes, and the autoencoder is conditional on 10"):
        trainer(StoredProbabilities(CNN([1, 8, 8], 7)), max_epochs=1).fit(module(), datamodule=data)
    other = ClassifierModule(classifier())
    with pytest.raises(InputError, match="is for a HierarchicalVAEModule, not a ClassifierModule"):
        trainer(StoredProbabilities(classifier()), max_epochs=1).fit(other, datamodule=data)
    with pytest.raises(InputError, match=r"no checkpoint 'none.ckpt'"):
        StoredProbabilities("none.ckpt")


def test_a_classifier_that_says_nan_is_named_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    network = classifier()
    next(network.parameters()).data.fill_(torch.nan)
    with pytest.raises(InputError, match="gives NaN for all samples that were tried: look at its weights"):
        trainer(StoredProbabilities(network), max_epochs=1).fit(module(), datamodule=Digits())
    assert not list(tmp_path.rglob("*.safetensors")), "what a broken network has said is not kept"
