"""Whatever a checkpoint holds: nothing runs, is imported, opened or deleted, and one sentence says what is wrong."""

from pathlib import Path

import pytest

import train
from lightning_modules import ClassifierModule, load
from networks import InputError
from tests.hostile.checkpoints import CORPUS, Checkpoint
from tests.hostile.conftest import crafted, one_sentence, untouched
from tests.hostile.watch import watched
from tests.support.runs import NO_LOGGER, QUIET, config, run_explain

CLASSIFIER = "runs/digits/classifier/best.ckpt"


@pytest.mark.parametrize("name", CORPUS)
def test_load(name: str, home: Path, good: Checkpoint) -> None:
    file = crafted(CORPUS[name], home, good)
    with watched() as seen, pytest.raises(InputError) as caught:
        load(file, ClassifierModule)
    assert one_sentence(caught.value), str(caught.value)
    assert not seen and untouched(home)


def test_there_are_enough() -> None:
    assert len(CORPUS) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("name", CORPUS)
def test_command_lines(name: str, home: Path, good: Checkpoint) -> None:
    file, out = crafted(CORPUS[name], home, good), home / "out"
    folder = f"--trainer.default_root_dir={out}"
    explain = ["digits/explain_4_to_9.yaml", "--data.predict_limit=2", "--trainer.callbacks=null", folder]
    with watched(out) as seen:
        with pytest.raises(InputError) as caught:
            run_explain(*explain, f"--model.predictor={file}")
        assert one_sentence(caught.value), str(caught.value)
        more = [config("digits/classifier.yaml"), *QUIET, *NO_LOGGER, folder, "--trainer.max_epochs=6"]
        for subcommand in ("fit", "test"):
            try:  # where the weights are the network's own, they count, and the hyper-parameters are the config's
                train.main([subcommand, *more, f"--ckpt_path={file}"])
            except InputError as error:
                assert one_sentence(error), str(error)
    assert not seen and untouched(home)
