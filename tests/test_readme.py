"""The README's own classifier on own images, three ways, word for word."""

import re
from pathlib import Path

import pandas as pd
import pytest
import timm
import torch

import explain
from tests.runs import NO_LOGGER, QUIET, ROOT, fit
from tests.trees import write_image_folder

MY_NET = """
import torch

class MyNet(torch.nn.Sequential):
    def __init__(self, weights: str):
        super().__init__(torch.nn.Flatten(), torch.nn.Linear(256, 2))
        self.load_state_dict(torch.load(weights, weights_only=True))
"""


def block(language: str, containing: str) -> str:
    """The README's code block in a language that contains a string."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (found,) = [b for b in blocks if containing in b]
    return found


def test_own_classifier_on_own_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    write_image_folder(tmp_path / "my" / "images", n=40, mode="L")
    (tmp_path / "my_package.py").write_text(MY_NET)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 2))
    torch.save(net.state_dict(), "my_weights.pth")
    for job in ("classifier", "flow_matching"):
        command = f"fit --config configs/image_folder/{job}.yaml --data.root my/images"
        assert command in block("bash", command)
        fit(f"image_folder/{job}.yaml", "--data.root=my/images")

    yaml = block("yaml", "my_package.MyNet")
    assert len(yaml.splitlines()) < 15
    (tmp_path / "my.yaml").write_text(yaml)
    short = [
        "--model.method=counterfactuals.Ascent",
        "--model.method.max_steps=3",
        "--model.control.init_args.max_steps=3",
    ]
    explain.main(["--config=my.yaml", *short, *QUIET, *NO_LOGGER])
    assert len(pd.read_parquet("runs/mine/counterfactuals.parquet")) == 8

    torch.save(timm.create_model("resnet18", num_classes=2, in_chans=1).state_dict(), "my.pth")
    program = torch.export.export(net, (torch.rand(2, 1, 16, 16),), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.export.save(program, "my_classifier.pt2")
    (line,) = [line for line in yaml.splitlines() if "my_package.MyNet" in line]
    for other in block("yaml", "networks.TimmModel").splitlines():
        (tmp_path / "my.yaml").write_text(yaml.replace(line, "  " + other).replace("runs/mine", "runs/other"))
        explain.main(["--config=my.yaml", *short, *QUIET, *NO_LOGGER])
        assert len(pd.read_parquet("runs/other/counterfactuals.parquet")) == 8

    python = block("python", "my_classifier")
    assert len(python.splitlines()) < 15
    names = {"my_classifier": net, "x": torch.rand(3, 1, 16, 16)}
    exec(python, names)
    assert len(names["cf"]) == 3
