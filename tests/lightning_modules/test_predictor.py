import pytest

from lightning_modules import load_predictor
from networks import InputError, UNet
from tests.runs import fit


def test_a_path_becomes_the_network_of_a_classifier_or_a_regressor(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny = ["--data.n_train=64", "--data.n_val=32", "--model.init_args.network.init_args.widths=[4,8]"]
    fit("scenes/regressor.yaml", *tiny)
    assert isinstance(load_predictor("runs/scenes/regressor/best.ckpt"), UNet)
    with pytest.raises(InputError, match=r"no checkpoint 'nowhere\.ckpt'"):
        load_predictor("nowhere.ckpt")
