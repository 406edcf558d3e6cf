from pathlib import Path

import pytest
import torch
import torchvision

from networks import InputError, TorchvisionModel


def test_weights_are_the_files_and_grey_is_three_equal_channels(tmp_path: Path) -> None:
    there = torchvision.models.squeezenet1_1(num_classes=2).eval()
    torch.save(there.state_dict(), tmp_path / "w.pth")
    here = TorchvisionModel("squeezenet1_1", 2, str(tmp_path / "w.pth")).eval()
    colour, grey = torch.rand(2, 3, 32, 32), torch.rand(2, 1, 32, 32)
    assert torch.equal(here(colour), there(colour)) and torch.equal(here(grey), there(grey.repeat(1, 3, 1, 1)))


def test_names_and_weights_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no classifier 'resnet8'; did you mean resnet18"):
        TorchvisionModel("resnet8", 2)
    torch.save(torchvision.models.squeezenet1_1(num_classes=3).state_dict(), tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"for torchvision's 'squeezenet1_1' cannot be loaded: .*size mismatch"):
        TorchvisionModel("squeezenet1_1", 2, str(tmp_path / "w.pth"))
