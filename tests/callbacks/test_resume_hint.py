from pathlib import Path

import pytest

from lightning_modules import ClassifierModule
from tests.runs import fit


def test_ctrl_c_says_how_to_continue(in_digits_home: Path, capsys: pytest.CaptureFixture) -> None:
    original, calls = ClassifierModule.training_step, []

    def stop_in_the_second_epoch(self, batch, batch_idx):
        calls.append(1)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return original(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(ClassifierModule, "training_step", stop_in_the_second_epoch)
        fit("digits/svm.yaml", "--trainer.default_root_dir=stopped", tiny=False)
    assert f"--ckpt_path {in_digits_home / 'stopped/last.ckpt'} continues" in capsys.readouterr().out
