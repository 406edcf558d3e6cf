from typing import Any

import pytest
from jsonargparse import ArgumentParser
from torch import nn

from cli.constructors import Constructors, placed, shorter
from networks import TimmModel
from networks.errors import InputError


class Refusing(nn.Module):
    """A user's own network."""

    def __init__(self, kind: str, size: int = 3) -> None:
        super().__init__()
        raise {"value": ValueError, "runtime": RuntimeError, "type": TypeError, "key": KeyError}[kind](
            "weights of 2019"
        )


def build(value: dict[str, Any]) -> Any:
    parser, constructors = ArgumentParser(exit_on_error=False), Constructors()
    parser.add_argument("--model.predictor", type=str | list[str] | nn.Module)
    constructors.watch(parser)
    parser.add_instantiator(lambda kind, /, **kwargs: kind(**kwargs), object)
    config = parser.parse_object({"model": {"predictor": value}})
    with constructors.telling(config):
        return parser.instantiate_classes(config)


@pytest.mark.parametrize("kind", ["value", "runtime", "type"])
def test_a_users_class_speaks_for_itself(kind: str) -> None:
    with pytest.raises(InputError) as error:
        build({"class_path": f"{__name__}.Refusing", "init_args": {"kind": kind}})
    start = (
        f"--model.predictor: Refusing cannot be built from kind='{kind}', size=3: weights of 2019 (test_constructors.py"
    )
    assert str(error.value).startswith(start) and "\n" not in str(error.value)


def test_a_bug_in_it_stays_a_bug() -> None:
    with pytest.raises(KeyError):
        build({"class_path": f"{__name__}.Refusing", "init_args": {"kind": "key"}})


def test_our_own_errors_get_the_key() -> None:
    with pytest.raises(InputError) as error:
        build({"class_path": "networks.TimmModel", "init_args": {"name": "resnet1", "num_classes": 2}})
    assert str(error.value).startswith("--model.predictor.name: timm has no model 'resnet1'; did you mean resnet1")
    with pytest.raises(InputError) as error:
        build(
            {
                "class_path": "networks.TimmModel",
                "init_args": {"name": "resnet18", "num_classes": 2, "weights": "no.pth"},
            }
        )
    assert str(error.value).startswith("--model.predictor.weights 'no.pth' for timm's 'resnet18' cannot be loaded: ")
    assert not str(error.value).endswith(": ")


def test_what_can_be_built_is() -> None:
    built = build({"class_path": "networks.TimmModel", "init_args": {"name": "resnet18", "num_classes": 2}})
    assert isinstance(built.model.predictor, TimmModel)


def test_placed_and_shorter() -> None:
    arguments = {"k": 0, "weights": "no.pth", "oracles": {"svm": "x.ckpt"}}
    assert placed("k must be positive", "--a", arguments) == "--a.k must be positive"
    assert placed("cannot read 'x.ckpt'", "--a", arguments) == "--a.oracles: cannot read 'x.ckpt'"
    assert placed("no reason", "--a", arguments) == "--a: no reason"
    assert placed("--b.c is wrong", "--a", arguments) == "--b.c is wrong"
    assert shorter("a\n  b") == "a b" and len(shorter("x" * 1000)) == 400


def test_another_error_is_not_laid_at_its_door() -> None:
    constructors = Constructors()
    with pytest.raises(ValueError, match="an alternative"):
        constructors.watching(_raise)(Refusing, kind="value")
    with pytest.raises(ZeroDivisionError), constructors.telling({}):
        _ = 1 / 0


def _raise(kind: Any, /, **_: Any) -> None:
    raise ValueError("an alternative that was not meant")
