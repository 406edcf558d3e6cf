from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F

from callbacks import StoredProbabilities
from counterfactuals import Relaxation, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule, HierarchicalVAEModule
from networks import MLP, HierarchicalVAE, InputError
from networks.autoencoders.hierarchical import centred

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


def module(**changes) -> HierarchicalVAEModule:
    vae = HierarchicalVAE([1, 8, 8], 10, [8, 12], [2, 10])
    return HierarchicalVAEModule(vae, **({"kl_weight": 0.5, "free_bits": 0.1} | changes))


def classifier(seed: int = 0) -> MLP:
    torch.manual_seed(seed)
    network = MLP([1, 8, 8], 10, hidden=[])
    torch.nn.init.orthogonal_(network.head.weight, gain=4)
    return network.eval()


def trainer(*callbacks: pl.Callback, **settings) -> pl.Trainer:
    return pl.Trainer(**(QUIET | {"enable_checkpointing": False} | settings), callbacks=list(callbacks))


def test_loss_is_the_papers() -> None:
    task, data = module(kl_weight=3.0, free_bits=2.0).eval(), Digits(batch_size=6)
    batch = next(iter(data.val_dataloader()))
    task.probabilities["train"] = classifier()(
        data.split("val").__getitems__(range(len(data.split("val"))))["x"]
    ).softmax(1)
    torch.manual_seed(5)
    loss = task.training_step(batch, 0)
    torch.manual_seed(5)
    terms = task.vae.elbo_terms(batch["x"], centred(task.probabilities["train"][batch["index"]])[:, :-1])
    expected = 3.0 * (torch.log1p((terms.kl - 2).exp()) + 2).sum(1).mean() - terms.reconstruction.mean()
    assert torch.allclose(loss, expected, rtol=1e-5)


def test_test_reports_the_papers_table() -> None:
    task, data, network = module(), Digits(batch_size=449), classifier()
    run = trainer(StoredProbabilities(network), max_epochs=1)
    run.fit(task, datamodule=data)
    reported = run.test(task, datamodule=data, verbose=False)[0]
    batch = next(iter(data.test_dataloader()))
    xi = centred(network(batch["x"]).softmax(1))[:, :-1].detach()
    task.eval()
    with torch.no_grad():
        terms = task.vae.elbo_terms(batch["x"], xi, torch.Generator().manual_seed(0))
        mse = F.mse_loss(task(batch["x"], xi), batch["x"])
    assert reported["test/nll"] == pytest.approx(-float(terms.reconstruction.mean()), rel=1e-4)
    assert reported["test/kl"] == pytest.approx(float(terms.kl.sum(1).mean()), rel=1e-4)
    assert reported["test/mse"] == pytest.approx(float(mse), rel=1e-4)
    bits = -float(terms.elbo.mean()) / (64 * torch.log(torch.tensor(2.0))) + torch.log2(
        torch.tensor(16.0)
    )  # 17 grey values
    assert reported["test/bpd"] == pytest.approx(float(bits), rel=1e-4)


def test_checkpoints_keep_the_variance_and_the_classifier(tmp_path: Path) -> None:
    task, data, network = module(), Digits(batch_size=64), classifier()
    run = trainer(StoredProbabilities(network), max_epochs=1, default_root_dir=tmp_path)
    run.fit(task, datamodule=data)
    run.save_checkpoint(tmp_path / "vaex.ckpt")
    saved = torch.load(tmp_path / "vaex.ckpt", weights_only=True)
    variance = task.vae.likelihood.running_variance
    assert torch.equal(saved["state_dict"]["vae.likelihood.running_variance"], variance) and variance.max() < 1
    again = module()
    trainer(StoredProbabilities(network), max_epochs=2, limit_train_batches=0).fit(
        again, datamodule=data, ckpt_path=tmp_path / "vaex.ckpt"
    )
    assert torch.equal(again.vae.likelihood.running_variance, variance)
    assert again.conditioned_on == task.conditioned_on != ""
    with pytest.raises(InputError, match="trained with another classifier's probabilities"):
        trainer(StoredProbabilities(classifier(1))).test(again, datamodule=data, verbose=False)


def test_its_chart_explains_its_own_classifier_alone() -> None:
    task, network = module(), classifier()
    trainer(StoredProbabilities(network), max_epochs=1, limit_train_batches=2).fit(task, datamodule=Digits())
    CounterfactualModule(network, task.chart(), RunnerUp(), method=Relaxation())
    with pytest.raises(InputError, match="trained to explain another classifier"):
        CounterfactualModule(classifier(1), task.chart(), RunnerUp(), method=Relaxation())


def test_samples_are_of_the_classes_in_turn() -> None:
    task = module().eval()
    samples = task.sample(12, 0.0)
    assert samples.shape == (12, 1, 8, 8)
    assert torch.allclose(samples[0], samples[10], atol=1e-6) and not torch.allclose(samples[0], samples[1], atol=1e-4)


def test_what_does_not_fit_is_named() -> None:
    data = Digits()
    with pytest.raises(InputError, match=r"add callbacks\.StoredProbabilities"):
        trainer(max_epochs=1).fit(module(), datamodule=data)
    wrong = HierarchicalVAEModule(HierarchicalVAE([1, 8, 8], 3, [8], [2]))
    with pytest.raises(InputError, match="conditional on 3 classes, but Digits has 10"):
        trainer(StoredProbabilities(classifier()), max_epochs=1).fit(wrong, datamodule=data)
    with pytest.raises(InputError, match="kl_weight must not be negative; got -1"):
        module(kl_weight=-1)
