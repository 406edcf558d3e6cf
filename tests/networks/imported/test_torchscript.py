"""TorchScript as a predictor, and what it must not do."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from counterfactuals.freeze import frozen
from networks import InputError, TorchScript
from networks.weights import weights_hash
from tests.support.nets import Net, X


@pytest.mark.parametrize("made", ["scripted", "traced", "frozen"])
def test_torchscript(tmp_path: Path, made: str) -> None:
    net, file = Net().eval(), str(tmp_path / "net.pt")
    script = torch.jit.trace(net, X) if made == "traced" else torch.jit.script(net)
    torch.jit.save(torch.jit.freeze(script) if made == "frozen" else script, file)
    found = TorchScript(file)
    found.train()  # its dropout stays off
    with frozen(found):
        assert torch.allclose(found(X), net(X), atol=1e-6)
    other = str(tmp_path / "other.pt")
    torch.jit.save(torch.jit.freeze(torch.jit.script(Net(1.0).eval())), other)
    assert weights_hash(TorchScript(other)) != weights_hash(found), "constants are no state, and count all the same"


class Writes(nn.Module):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: Tensor) -> Tensor:
        torch.save(x, self.path)
        return x


class Maps(Writes):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.from_file(self.path, True, 4)


class Restores(nn.Module):
    @torch.jit.export
    def __getstate__(self) -> tuple[Tensor, bool]:
        return torch.zeros(1), self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool]) -> None:
        self.training = state[1]

    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.mark.parametrize("make", [Writes, Maps, Restores])
def test_programs_that_do_more_are_refused(tmp_path: Path, make: type[nn.Module]) -> None:
    target = tmp_path / "victim"
    net = make() if make is Restores else make(str(target))
    torch.jit.save(torch.jit.script(net), tmp_path / "net.pt")
    with pytest.raises(InputError, match=r"TorchScript file .* is refused: its code has '(save|from_file|__[gs]et)"):
        TorchScript(str(tmp_path / "net.pt"))
    assert not target.exists()
