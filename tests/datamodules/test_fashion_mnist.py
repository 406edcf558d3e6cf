from pathlib import Path

import pytest

from datamodules import FashionMNIST
from networks.errors import InputError
from tests.support.trees import write_mnist


def test_torchvisions_layout(tmp_path: Path) -> None:
    data = FashionMNIST(str(write_mnist(tmp_path, name="FashionMNIST")), n_val=20)
    assert [len(data.split(s)) for s in ("train", "val", "test")] == [60, 20, 40]
    assert data.class_names[:2] == ["T-shirt/top", "Trouser"] and data.num_classes == len(data.class_names) == 10
    batch = next(iter(data.test_dataloader()))
    assert batch["x"].shape == (40, *data.shape) and batch["y"].tolist() == [i % 10 for i in range(40)]


def test_clothes_have_no_strokes() -> None:
    with pytest.raises(InputError, match="attributes names 'thickness', which is not measured: leave attributes out"):
        FashionMNIST(attributes=["thickness"])
    assert FashionMNIST().attribute_names == []


def test_mnist_is_not_fashion(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no complete FashionMNIST in .*FashionMNIST/raw.*--data.download true"):
        FashionMNIST(str(write_mnist(tmp_path))).split("test")
