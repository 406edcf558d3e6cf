from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from networks import Adapter, InputError


class Net(nn.Module):
    """Three numbers of the mean of every channel's pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def test_what_images_are_given_as() -> None:
    x = torch.rand(2, 1, 6, 8)
    seen: list[Tensor] = []

    class Seeing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return x.mean((2, 3))

    Adapter(Seeing(), size=12, mean=[0.1, 0.2, 0.3], std=[0.5, 0.5, 0.25])(x)
    assert seen[0].shape == (2, 3, 12, 12), "a grey image has three channels for a mean of three"
    whole = nn.functional.interpolate(x, (12, 12), mode="bilinear", antialias=True)
    assert torch.allclose(seen[0][:, 2], (whole[:, 0] - 0.3) / 0.25)
    Adapter(Seeing())(x)
    assert seen[1] is x, "nothing is copied that need not be"


def test_one_label_and_another_order() -> None:
    x = torch.rand(4, 3, 5, 5)
    one = Adapter(Net(), outputs="single logit", label="b", class_names=["a", "b", "c"])
    assert torch.equal(one(x), torch.stack([torch.zeros(4), Net()(x)[:, 1]], 1))
    adapter = Adapter(Net(), outputs="logits")
    adapter.order = torch.tensor([2, 0])
    assert torch.equal(adapter(x), Net()(x)[:, [2, 0]]) and adapter(x).shape == (4, 2)
    assert Adapter(Net(), outputs="logits").plain and not adapter.plain


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"outputs": "logit"}, "outputs must be one of logits, probabilities, single logit.*; got 'logit'"),
        ({"size": 0}, "size must be positive"),
        ({"size": (8, -1)}, "size must be positive"),
        ({"std": [0.0]}, "std must be positive"),
        ({"mean": [float("nan")]}, "mean must be a finite number"),
        ({"label": "b"}, r"label must be one of class_names \(none are given\), or a number; got 'b'"),
        ({"label": "d", "class_names": ["a", "b"]}, r"\(a, b\), or a number; got 'd'"),
        ({"weights": "missing.pth"}, "weights 'missing.pth' for Net cannot be loaded: there is no such file"),
        ({"network": Net}, "network must be an object, not the class Net"),
    ],
)
def test_constructor(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Adapter(**({"network": Net()} | given))


def test_weights_of_a_network_that_reads_none(tmp_path: Path) -> None:
    there, here = (torchvision.models.squeezenet1_1(num_classes=2).eval() for _ in range(2))
    torch.save({"model": {f"module.{k}": v for k, v in there.state_dict().items()}}, tmp_path / "w.pth")
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(Adapter(here, weights=str(tmp_path / "w.pth"))(x), there(x))
    with pytest.raises(InputError, match=r"for Net cannot be loaded: .*[Uu]nexpected"):
        Adapter(Net(), weights=str(tmp_path / "w.pth"))
