from pathlib import Path

import pytest
import torch

from datamodules import Digits
from lightning_modules import GANModule, InverterModule, load
from lightning_modules.checkpoints.charted import load_chart
from networks import ConvEncoder, InputError
from tests.lightning_modules.test_gan import fit_digits, made
from tests.support.runs import fit


def test_the_inverters_checkpoint_stands_alone(tmp_path: Path) -> None:
    fit_digits(tmp_path, "--trainer.max_epochs=2")
    fit(
        "mnist/dcgan_inverter.yaml",
        "--data=datamodules.Digits",
        f"--model.init_args.generator={tmp_path}/gan/best.ckpt",
        "--model.init_args.encoder.init_args={shape: [1, 8, 8], widths: [8], dim: 6}",
        "--model.init_args.steps=3",
        f"--trainer.default_root_dir={tmp_path}/inverter",
        "--trainer.max_epochs=2",
        tiny=False,
    )
    generator = load(tmp_path / "gan/best.ckpt", GANModule).generator
    (tmp_path / "gan/best.ckpt").unlink()
    inverter = load(tmp_path / "inverter/best.ckpt", InverterModule)
    z = torch.randn(3, 6).detach()
    assert torch.equal(inverter.generator(z), generator(z)), "it was not trained, nor were its statistics"
    chart, x = load_chart(str(tmp_path / "inverter/best.ckpt")), Digits().split("val").x[:4]
    before = (inverter(x) - x).square().mean()
    assert float((chart.decode(chart.encode(x)) - x).square().mean()) < float(before)


def test_an_encoder_of_another_size_is_named() -> None:
    inverter = InverterModule(made().generator, ConvEncoder([1, 8, 8], [4], 7))
    (problem,) = inverter.problems_with(Digits())
    assert "takes z of 5 numbers, and the encoder gives (7,): set its dim to 5" in problem
    assert InverterModule(made(3).generator, ConvEncoder([1, 8, 8], [4], 8)).problems_with(Digits()) == []


def test_an_encoder_needs_a_gans_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkpoint"):
        InverterModule(str(tmp_path / "none.ckpt"), ConvEncoder([1, 8, 8], [4], 5))
