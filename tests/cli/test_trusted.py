import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from cli.trusted import trusted_by
from lightning_modules import ClassifierModule, load
from networks import InputError
from tests.support.runs import NO_CONTROLS, fit, run_explain

MINE = """
from torch import nn

class Mine(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

    def forward(self, x):
        return self.layers(x)
"""


def test_what_the_config_names_and_what_the_user_says() -> None:
    config: dict[str, Any] = {
        "model": {"network": {"class_path": "torch.nn.Linear"}, "others": [{"class_path": "nowhere.Net"}]},
        "trust": ["torch.nn.ReLU"],
    }
    assert trusted_by(config) == [torch.nn.ReLU, torch.nn.Linear]
    for path, said in [("no_such_module.Net", "cannot be imported"), ("os.getcwd", "no class"), ("Net", "imported")]:
        with pytest.raises(InputError, match=f"--trust names '{path}'.*{said}"):
            trusted_by({"trust": [path]})


def test_a_network_of_ones_own(in_digits_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_of_my_own.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    root = tmp_path / "mine"
    network = ["--model.network=mine_of_my_own.Mine", "--model.network.init_args.width=8"]
    fit("digits/svm.yaml", *network, f"--trainer.default_root_dir={root}")
    explain = ["digits/explain_4_to_9.yaml", f"--model.predictor={root}/best.ckpt", "--data.predict_limit=2"]
    explain += [
        "--model.method.init_args.max_steps=2",
        *NO_CONTROLS,
        "--trainer.callbacks=null",
    ]
    explain += [f"--trainer.default_root_dir={tmp_path}/explain"]
    monkeypatch.delitem(sys.modules, "mine_of_my_own")
    with pytest.raises(InputError, match=r"asks for the class 'mine_of_my_own.Mine'.*--trust '\[my_package.MyNet\]'"):
        run_explain(*explain)
    assert "mine_of_my_own" not in sys.modules, "a checkpoint imports nothing"
    run_explain(*explain, "--trust=[mine_of_my_own.Mine]")
    assert (tmp_path / "explain" / "report.html").is_file()
    module = load(root / "best.ckpt", ClassifierModule, trust=[sys.modules["mine_of_my_own"].Mine])
    assert type(module.network).__name__ == "Mine"
