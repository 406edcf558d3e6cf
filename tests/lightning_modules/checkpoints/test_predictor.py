"""Files of strangers as predictors."""

from pathlib import Path

import pytest
import torch

from lightning_modules import load_predictor
from networks import Exported, InputError, TorchScript
from tests.support.nets import Net, X


def test_files_of_other_kinds_are_told_what_to_do(tmp_path: Path) -> None:
    net = Net().eval()
    torch.save(net.state_dict(), tmp_path / "weights.pth")
    (tmp_path / "damaged.pt").write_bytes(b"PK\x03\x04 no archive")
    for name, said in {
        "net.onnx": "ONNX has no gradients.*torch.export.save.*LatentSearch",
        "net.h5": "no PyTorch network",
        "net.pkl": "a pickle can run any code",
        "weights.pth": "It is a file of weights: name their network, with networks.TimmModel or networks.Adapter",
        "damaged.pt": "is not a checkpoint, or is cut off",
        "missing.ckpt": "missing.ckpt",
    }.items():
        with pytest.raises(InputError, match=said):
            load_predictor(str(tmp_path / name))


def test_files_that_hold_a_network_need_no_class(tmp_path: Path) -> None:
    net = Net().eval()
    torch.jit.save(torch.jit.script(net), tmp_path / "net.pt")
    assert isinstance(load_predictor(str(tmp_path / "net.pt")), TorchScript)
    program = torch.export.export(net, (X,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.export.save(program, tmp_path / "net.pt2")
    found = load_predictor(str(tmp_path / "net.pt2"))
    assert isinstance(found, Exported) and torch.allclose(found(X), net(X), atol=1e-6)
