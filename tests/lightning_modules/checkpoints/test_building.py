"""What a checkpoint may ask for, and what it may not."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, Protocol

import pytest
import torch
from torch import nn

from lightning_modules import ClassifierModule, FlowModule
from lightning_modules.checkpoints.building import at_most, build, check_plain, fits, known_classes
from networks import CNN, MLP, ConvNet, Exported, Glow, InputError, LUConv, TimmModel

CNN_OF = {"class_path": "networks.CNN", "init_args": {"shape": [1, 8, 8], "num_classes": 3, "widths": [4]}}


class Mine(nn.Module):
    def __init__(self, width: int, inner: nn.Module | None = None, more: Any = None) -> None:
        super().__init__()
        self.inner, self.more, self.layer = inner, more, nn.Linear(width, width)


def test_objects_factories_and_plain_values() -> None:
    task = build(
        ClassifierModule, {"network": CNN_OF, "noise": 1, "optimizer": {"class_path": "torch.optim.SGD"}}, KNOWN
    )
    assert isinstance(task.network, CNN) and task.noise == 1
    assert isinstance(task.configure_optimizers()[0][0], torch.optim.SGD)
    glow = {
        "shape": [1, 8, 8],
        "mixing": {"class_path": "networks.LUConv"},
        "subnet": {"class_path": "networks.ConvNet"},
    }
    sizes = {"num_steps": 1, "levels": 256}
    flow = build(FlowModule, {"flow": {"class_path": "networks.Glow", "init_args": {**glow, **sizes}}}, KNOWN).flow
    assert isinstance(flow, Glow) and any(isinstance(m, LUConv) for m in flow.modules())
    assert any(isinstance(m, ConvNet) for m in flow.modules()), "a factory where the constructor calls it"


KNOWN = known_classes()


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (
            {"class_path": "subprocess.Popen", "init_args": {"args": "touch ran"}},
            "asks for the class 'subprocess.Popen'",
        ),
        ({"class_path": "torch.load"}, "asks for the class 'torch.load'"),
        ({"class_path": "torch.utils.data.DataLoader"}, "asks for the class"),
        ({"class_path": ["networks.CNN"]}, "asks for the class"),
        ({**CNN_OF, "_target_": "os.system"}, "has _target_ beside its class_path"),
        ({"class_path": "networks.CNN", "init_args": ["ls"]}, "the init_args of ClassifierModule's network are no arg"),
        ({"class_path": "networks.CNN", "init_args": {"shape": [1, 8, 8], "colour": 3}}, "CNN has no argument colour"),
        ({"class_path": "torch.optim.Adam"}, "network is of the class Adam, which is not what it has to be"),
        ("networks.CNN", "ClassifierModule's network is 'networks.CNN', which is not of the type that it has to be"),
        ("class_path: subprocess.Popen", "not of the type that it has to be"),
        (3, "ClassifierModule's network is 3"),
        ({"class_path": "networks.Exported", "init_args": {"path": "x.pt2"}}, r"Exported opens a file \(path\)"),
    ],
)
def test_what_is_refused(network: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        build(ClassifierModule, {"network": network}, KNOWN)


def test_no_argument_however_untyped_takes_a_foreign_class() -> None:
    popen = {"class_path": "subprocess.Popen", "init_args": {"args": "touch ran", "shell": True}}
    with pytest.raises(InputError, match=r"asks for the class 'subprocess.Popen'"):
        build(
            ClassifierModule, {"loss": {"class_path": "networks.flows.ActNorm", "init_args": {"dims_in": popen}}}, KNOWN
        )
    for nested in ({"more": [{"a": popen}]}, {"more": popen}, {"inner": popen}):
        with pytest.raises(InputError, match="asks for the class"):
            build(Mine, {"width": 1, **nested}, KNOWN)


def test_own_classes_where_they_are_trusted() -> None:
    path = f"{__name__}.Mine"
    given = {"network": {"class_path": path, "init_args": {"width": 3, "inner": CNN_OF, "more": {"a": [1, "b"]}}}}
    with pytest.raises(InputError, match=f"asks for the class '{path}'.*--trust"):
        build(ClassifierModule, given, KNOWN)
    network = build(ClassifierModule, given, known_classes([Mine])).network
    assert isinstance(network, Mine) and isinstance(network.inner, CNN) and network.more == {"a": [1, "b"]}


def test_weights_of_other_files_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"name": "resnet18", "num_classes": 2, "weights": "pretrained", "in_chans": 1}
    assert isinstance(build(TimmModel, given, KNOWN), TimmModel), "which downloads nothing"
    assert Exported.reads_files == ("path",)


def test_plain_values_alone() -> None:
    check_plain({"a": [1, 2.0, "x", None, True, {"b": ()}]})
    with pytest.raises(InputError, match=r"hyper_parameters.a.0 is a Tensor, and only plain values"):
        check_plain({"a": [torch.ones(1)]})
    with pytest.raises(InputError, match="has the key 3, which is no name"):
        check_plain({"a": {3: 1}})
    deep: Any = 0
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(InputError, match="more than 40 levels deep"):
        check_plain({"a": deep})


def test_layers_are_counted() -> None:
    with at_most(20):
        MLP([4], 2, hidden=[3, 3])
        with pytest.raises(InputError, match="more than 20 layers and parameters"):
            MLP([4], 2, hidden=[3] * 100)
    MLP([4], 2, hidden=[3] * 100)


class Maker(Protocol):
    def __call__(self, n: int) -> nn.Module: ...


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, int, True),
        (True, int, False),
        (1.5, int, False),
        (1, float, True),
        ("1", float, False),
        (None, int | None, True),
        (None, int, False),
        ("mean", Literal["mean", "sum"], True),
        ("max", Literal["mean", "sum"], False),
        ([1, 2], Sequence[int], True),
        ((1, 2), tuple[int, int], True),
        ("12", list[int], False),
        (partial(MLP, [4]), Callable[[int], nn.Module], True),
        ("networks.MLP", Callable[[int], nn.Module], False),
        ("evilmod.Net", nn.Module | None, False),
        (nn.ReLU(), nn.Module | None, True),
        (3, Maker, True),  # a protocol cannot be checked
        ("anything", Any, True),
    ],
)
def test_fits(value: Any, hint: Any, expected: bool) -> None:
    assert fits(value, hint) is expected
