from pathlib import Path

import pytest
import torch
from torch import nn

from counterfactuals import Ascent, PixelChart, explain
from networks import CNN, Exported, InputError


@pytest.fixture
def saved(tmp_path: Path) -> tuple[nn.Module, str]:
    network = CNN([1, 8, 8], 3, widths=[4, 8]).eval()
    x = torch.rand(2, 1, 8, 8)
    program = torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.export.save(program, tmp_path / "mine.pt2")
    return network, str(tmp_path / "mine.pt2")


def test_it_is_the_network_that_was_exported(saved) -> None:
    network, path = saved
    for n in (1, 5):
        x = torch.rand(n, 1, 8, 8)
        assert torch.allclose(Exported(path)(x), network(x), atol=1e-6)
        assert torch.allclose(Exported(path, mean=[0.5], std=[0.25])(x), network(4 * (x - 0.5)), atol=1e-6)
    assert Exported(path, size=(8, 8))(torch.rand(3, 1, 20, 20)).shape == (3, 3)


def test_it_can_be_explained(saved) -> None:
    network, path = saved
    x = torch.rand(6, 1, 8, 8)
    target = (network(x).argmax(1) + 1) % 3
    theirs, ours = (explain(p, PixelChart([1, 8, 8]), x, target, Ascent(0.02, 50)) for p in (Exported(path), network))
    assert torch.equal(theirs.status, ours.status)
    assert torch.allclose(theirs.counterfactual, ours.counterfactual, atol=1e-4)


def test_mistakes(tmp_path: Path, saved) -> None:
    (tmp_path / "no.pt2").write_text("nonsense")
    for path in (tmp_path / "no.pt2", tmp_path / "none.pt2"):
        with pytest.raises(InputError, match="cannot be loaded as an exported program"):
            Exported(str(path))
    with pytest.raises(InputError, match=r"std must be positive, every one; got \[0.0\]"):
        Exported(saved[1], std=[0.0])


class Constants(nn.Module):
    """Tensors that nobody registered, and devices that an export writes into its program."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.weight = nn.Linear(64, 3), torch.linspace(0, 1, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = torch.arange(64, device=x.device) / 64 + torch.zeros(64, device=x.device)
        return self.linear(x.flatten(1) * self.weight + places)


def test_all_of_it_moves(tmp_path: Path) -> None:
    """The meta device stands in for a GPU: what stays behind raises there, too."""
    own, x = Constants().eval(), torch.rand(2, 1, 8, 8)
    program = torch.export.export(own, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.export.save(program, tmp_path / "constants.pt2")
    exported = Exported(str(tmp_path / "constants.pt2")).requires_grad_(False)
    weight = 2 * exported.program.get_parameter("linear.weight")
    exported.program.load_state_dict({**exported.program.state_dict(), "linear.weight": weight})
    assert exported.float()(x).shape == (2, 3)
    assert torch.equal(exported.program.get_parameter("linear.weight"), weight), "moving keeps what the weights are now"
    if torch.cuda.is_available():
        assert torch.allclose(exported.cuda()(x.cuda()).cpu(), exported.cpu()(x), atol=1e-5)
    moved = exported.to("meta")
    assert moved(x.to("meta")).device.type == "meta"
    assert not any(p.requires_grad for p in moved.parameters())


def test_a_program_for_one_size_of_batch_says_so(tmp_path: Path) -> None:
    network = CNN([1, 8, 8], 3, widths=[4, 8]).eval()
    torch.export.save(torch.export.export(network, (torch.rand(4, 1, 8, 8),)), tmp_path / "static.pt2")
    assert Exported(str(tmp_path / "static.pt2"))(torch.rand(4, 1, 8, 8)).shape == (4, 3)
    with pytest.raises(InputError, match=r"does not take a batch of shape \(2, 1, 8, 8\).*dynamic_shapes"):
        Exported(str(tmp_path / "static.pt2"))(torch.rand(2, 1, 8, 8))
