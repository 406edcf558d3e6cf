from pathlib import Path

import pytest
import timm
import torch

from networks import InputError, TimmModel

NAME = "test_vit"


def test_takes_weights_from_a_file(tmp_path: Path) -> None:
    reference = timm.create_model(NAME, num_classes=3, in_chans=1).eval()
    torch.save(reference.state_dict(), tmp_path / "weights.pth")
    model = TimmModel(NAME, 3, in_chans=1, weights=str(tmp_path / "weights.pth"), mean=[0.0], std=[1.0]).eval()
    x = torch.rand(2, 1, 160, 160)
    assert torch.allclose(model(x), reference(x), atol=1e-6)


def test_normalises_inside_and_gives_features() -> None:
    model = TimmModel(NAME, 3, in_chans=1, mean=[0.25], std=[0.5]).eval()
    x = torch.rand(2, 1, 160, 160)
    assert torch.allclose(model(x), model.network((x - 0.25) / 0.5), atol=1e-6)
    assert model.features(x).shape == (2, model.num_features)


def test_unknown_name_and_missing_weights() -> None:
    with pytest.raises(InputError, match="no model 'resnet_of_nowhere'"):
        TimmModel("resnet_of_nowhere", 3)
    with pytest.raises(InputError, match="cannot be loaded"):
        TimmModel(NAME, 3, weights="/nowhere/weights.pth")
