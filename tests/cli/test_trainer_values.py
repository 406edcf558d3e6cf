from typing import Any

import pytest
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from cli.trainer_values import NUMBERS, check_run, refused_by_trainer, unlogged
from networks.errors import InputError


def config(seed: Any = 0, callbacks: Any = None, **trainer: Any) -> dict[str, Any]:
    values = {"default_root_dir": "runs/x", "devices": 1, "accelerator": "cpu", "callbacks": callbacks}
    return {"seed_everything": seed, "trainer": {**dict.fromkeys(NUMBERS), **values, **trainer}}


def test_what_a_run_can_be() -> None:
    check_run(config())
    check_run(config(seed=True, devices="2", gradient_clip_val=0.0, num_sanity_val_steps=-1, val_check_interval=0.5))
    check_run(config(devices="auto", callbacks=[{"class_path": "callbacks.EMA"}]))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (config(seed=-1), "--seed_everything must be a whole number from 0 to 4294967295, or false; got -1"),
        (config(seed=2**32), "got 4294967296"),
        (config(devices=999), r"--trainer.devices must be from 1 to \d+ on this machine's \d+ CPU cores; got 999"),
        (config(devices="-7"), "got -7"),
        (config(default_root_dir=""), r"--trainer.default_root_dir is empty \(got ''\)"),
        (config(gradient_clip_val=-1.0), "gradient_clip_val must be 0 or more, 0 or null for no clipping; got -1.0"),
        (config(gradient_clip_val=float("nan")), "got nan"),
        (config(val_check_interval=0), "val_check_interval must be positive"),
        (config(accumulate_grad_batches=0), "accumulate_grad_batches must be a positive whole number; got 0"),
        (
            config(callbacks={"class_path": "pytorch_lightning.Callback"}),
            "--trainer.callbacks is given without its class",
        ),
    ],
)
def test_what_it_cannot(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_run(given)


def test_a_folder_below_a_file(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("")
    for folder in ("file", "file/run"):
        with pytest.raises(InputError, match="file' is a file"):
            check_run(config(default_root_dir=str(tmp_path / folder)))


def test_what_the_trainer_said_gets_its_flag() -> None:
    trainer = {"strategy": "ddpp", "max_epochs": -5, "accelerator": "gpu", "limit_val_batches": -3.0}
    for message, start in (
        ("You selected an invalid strategy name: `strategy='ddpp'`.", "--trainer.strategy 'ddpp': You selected"),
        ("`max_epochs` must be a non-negative integer", "--trainer.max_epochs -5: "),
        ("No supported gpu backend found!", "--trainer.accelerator 'gpu': "),
        ("You have passed invalid value -3.0 for limit_val_batches, it", "--trainer.limit_val_batches -3.0: "),
        ("something else", "the Trainer's flags: something else"),
    ):
        assert str(refused_by_trainer(ValueError(message), trainer)).startswith(start)


def test_a_number_that_nobody_logs() -> None:
    error = MisconfigurationException(
        "`ModelCheckpoint(monitor='val/los')` could not find the monitored key in the returned metrics: ['train/loss', "
        "'val/loss']. HINT: Did you call `log('val/los', value)` in the `LightningModule`?"
    )
    assert str(unlogged(error)) == (
        "--checkpoint.monitor 'val/los' is no number that this run logs: did you mean val/loss?; "
        "what is logged is train/loss, val/loss"
    )
    assert unlogged(RuntimeError("a bug")) is None
