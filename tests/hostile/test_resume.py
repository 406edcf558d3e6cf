"""What a checkpoint says beside the state of a training is dropped or refused, and nothing is deleted."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks.checkpoints.resume import resumable
from networks import InputError
from tests.hostile.checkpoints import Checkpoint
from tests.hostile.conftest import one_sentence, untouched
from tests.hostile.watch import watched
from tests.support.runs import fit

Change = Callable[[Checkpoint, Path], Any]
KEY = "ModelCheckpoint{'monitor': 'val/loss', 'mode': 'min', 'every_n_train_steps': 0, 'every_n_epochs': 1, "
KEY += "'train_time_interval': None}"


def model_checkpoint(**state: Callable[[Path], Any]) -> Change:
    return lambda c, home: c["callbacks"][KEY].update({k: v(home) for k, v in state.items()})


def kth(path: Callable[[Path], str], folder: Callable[[Path], str | None] = lambda h: str(h / "out")) -> Change:
    models = {"kth_best_model_path": path, "best_k_models": lambda h: {path(h): torch.tensor(9.0)}, "dirpath": folder}
    return model_checkpoint(**models, kth_value=lambda h: torch.tensor(9.0))


def moment(value: Any) -> Change:
    return lambda c, home: c["optimizer_states"][0]["state"][0].update(exp_avg=value)


def group(**values: Any) -> Change:
    return lambda c, home: c["optimizer_states"][0]["param_groups"][0].update(values)


def schedule(**values: Any) -> Change:
    return lambda c, home: c["lr_schedulers"][0].update(values)


def loop(name: str, value: Any) -> Change:
    return lambda c, home: c["loops"]["fit_loop"].update({name: value})


def top(**values: Any) -> Change:
    return lambda c, home: c.update(values)


REFUSED: dict[str, Change] = {
    "deletes-by-dots": kth(lambda h: str(h / "out" / ".." / "victims")),
    "deletes-relative": kth(lambda h: "out/../victims", lambda h: None),
    "deletes-relative-file": kth(lambda h: "victim.txt"),
    "deletes-absolute": kth(lambda h: str(h / "victims"), str),
    "deletes-a-folder": kth(lambda h: str(h / "out" / "folder.ckpt")),
    "deletes-last": model_checkpoint(last_model_path=lambda h: str(h / "out" / ".." / "victims")),
    "deletes-best": model_checkpoint(best_model_path=lambda h: str(h / "victim.txt")),
    "names-a-number": model_checkpoint(last_model_path=lambda h: 3),
    "models-list": model_checkpoint(best_k_models=lambda h: ["a"]),
    "state-text": lambda c, home: c["callbacks"].update({KEY: "x"}),
    "callbacks-list": top(callbacks=[1]),
    "loops-text": top(loops="x"),
    "progress-text": loop("epoch_progress", {"total": {"ready": "x"}, "current": {"ready": 1}}),
    "batches-text": loop("epoch_loop.state_dict", {"_batches_that_stepped": "x"}),
    "optimizers-dict": top(optimizer_states={"a": 1}),
    "optimizer-text": top(optimizer_states=["x"]),
    "groups-text": lambda c, home: c["optimizer_states"][0].update(param_groups="x"),
    "rate-text": group(lr="fast"),
    "betas-number": group(betas=0.9),
    "betas-three": group(betas=(0.9, 0.9, 0.9)),
    "moment-shape": moment(torch.ones(3)),
    "moment-scalar": moment(torch.ones(())),
    "moment-text": moment("x"),
    "moment-missing": lambda c, home: c["optimizer_states"][0]["state"][3].pop("exp_avg_sq"),
    "moment-of-nothing": lambda c, home: c["optimizer_states"][0]["state"].update({999: {"exp_avg": torch.ones(1)}}),
    "schedule-method": schedule(step="x"),
    "schedule-optimizer": schedule(optimizer="x"),
    "schedule-text": schedule(T_max="x"),
    "schedules-text": top(lr_schedulers="x"),
    "loader-text": loop("state_dict", {"combined_loader": [{"at_once": "x"}]}),
    "loader-list": loop("state_dict", {"combined_loader": "x"}),
    "seed-text": top(seed="x"),
    "epoch-text": top(epoch="x"),
    "without-optimizer": lambda c, home: c.pop("optimizer_states"),
    "other-weights": top(state_dict={"a": torch.ones(1)}),
    "weights-shape": lambda c, home: c["state_dict"].update({next(iter(c["state_dict"])): torch.ones(1)}),
}
IGNORED: dict[str, Change] = {
    "old-paths": top(checkpoint_callback_best_model_path="/etc/passwd", **{"pytorch-lightning_version": "0.9.0"}),
    "version-text": top(**{"pytorch-lightning_version": "evil"}),
    "data-module": top(Digits={"x": 1}),
    "stranger": lambda c, home: c["callbacks"].update({"LearningRateFinder": {"a": 1}, "Timer{}": {"time_elapsed": 0}}),
    "hparams": top(hparams_name="loss", hyper_parameters={"network": "x"}),
    "old-hparams": top(hparams={"loss": "x"}, module_arguments={"loss": "x"}),
    "scaler": top(native_amp_scaling_state={"scale": "x"}),
    "more": top(anything={"at": "all"}),
}


@pytest.fixture
def going_on(home: Path, good: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> Callable[[Change], None]:
    """Trains for one more epoch from the good checkpoint after a change."""
    (home / "out" / "folder.ckpt").mkdir(parents=True)
    (home / "out" / "folder.ckpt" / "mine").touch()
    monkeypatch.chdir(home)

    def run(change: Change) -> None:
        checkpoint = copy.deepcopy(good)
        change(checkpoint, home)
        torch.save(checkpoint, home / "bad.ckpt")
        more = ["--trainer.max_epochs=7", f"--trainer.default_root_dir={home}/out", f"--ckpt_path={home}/bad.ckpt"]
        fit("digits/classifier.yaml", *more)

    return run


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, going_on: Callable[[Change], None], home: Path) -> None:
    with watched(home / "out") as seen, pytest.raises(InputError) as caught:
        going_on(REFUSED[name])
    assert one_sentence(caught.value) and "checkpoint" in str(caught.value), str(caught.value)
    assert not seen and untouched(home) and (home / "out" / "folder.ckpt" / "mine").exists()


@pytest.mark.parametrize("name", IGNORED)
def test_ignored(name: str, going_on: Callable[[Change], None], home: Path) -> None:
    with watched(home / "out") as seen:
        going_on(IGNORED[name])
    assert not seen and untouched(home) and (home / "out" / "last.ckpt").is_file()


def test_what_is_kept(good: Checkpoint) -> None:
    kept = resumable({**good, "Digits": 1, "hparams": 2})
    assert set(kept) == set(good) - {"hyper_parameters", "hparams_name"} | {"settings"}
    assert set(kept["settings"]) == {"optimizer", "scheduler"}
    assert kept["callbacks"] == good["callbacks"] and kept["loops"] == good["loops"]
