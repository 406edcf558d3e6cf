from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest
from torch import nn
from torch.optim import Optimizer

from cli.wording import Group, alternatives, check, in_words, of_class
from counterfactuals import Ascent
from counterfactuals.engine import Method
from counterfactuals.goals.targets import TargetPolicy
from networks.errors import InputError


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("3", int),
        ("1e300", float),
        (".inf", float),
        ("true", bool),
        ("null", int | None),
        ("[1, 2]", list[int]),
        ("[0.0, 1]", tuple[float, float] | None),
        ("val", Literal["train", "val"]),
        ("7", Literal[7, "x"]),
        ("anything.at.all", str | nn.Module),
        ("{a: 1}", dict[str, int]),
        ("counterfactuals.Ascent", Method),
        ("Ascent", Method | None),
        ({"class_path": "counterfactuals.Ascent", "init_args": {"step_size": 0.1, "locked": [1]}}, Method),
        ("torch.optim.Adam", Callable[[Any], Optimizer]),
    ],
)
def test_what_fits(value: Any, kind: Any) -> None:
    check(value, kind, "--x")


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("fast", float, "--x must be a number; got 'fast'"),
        ("nan", float, "--x must be a number; got 'nan'"),
        ("1.5", int, "--x must be a whole number; got '1.5'"),
        ("true", int, "--x must be a whole number; got 'true'"),
        ("maybe", bool, "--x must be true or false; got 'maybe'"),
        ("holdout", Literal["train", "val"], "--x must be one of train, val; got 'holdout'"),
        ("bf17", Literal[64, 32] | Literal["bf16"] | None, "--x must be one of 64, 32, bf16 or null; got 'bf17'"),
        ("four", list[int] | None, "--x must be a list (each a whole number) or null; got 'four'"),
        ("[1, 2.5]", Sequence[int], "--x[1] must be a whole number; got 2.5"),
        ([0, 1, 2], tuple[float, float], "--x must be a list of 2 (a number, a number); got [0, 1, 2]"),
        ({"a": "b"}, dict[str, int], "--x.a must be a whole number; got 'b'"),
        ("9", TargetPolicy, "--x must be one of the target policies (EveryOther, "),
        (
            "counterfactuals.RunnerUp",
            Method | None,
            "--x is 'counterfactuals.RunnerUp', which is no method: methods are counterfactuals.Ascent, ",
        ),
        ("counterfactuals.Assent", Method, "which does not exist: did you mean counterfactuals.Ascent?"),
        ("Assent", Method, "--x is 'Assent', which is no method: did you mean Ascent?"),
        ("no_package.Net", nn.Module, "and there is no module no_package: it is looked for in "),
        ("netwroks.CNN", nn.Module, "did you mean networks?"),
        ("torch.optim.Adm", Callable[[Any], Optimizer], "did you mean torch.optim.Adam or "),
        (
            {"class_path": "counterfactuals.Ascent", "init_args": {"stepp_size": 3}},
            Method,
            "--x.stepp_size (given as 3) is no argument of Ascent: did you mean step_size?",
        ),
        ({"class_path": "counterfactuals.Ascent", "init_arg": {}}, Method, "did you mean init_args"),
        ({"clas_path": "counterfactuals.Ascent"}, Method, "--x.clas_path (given as 'counterfactuals.Ascent') is no"),
        ({"init_args": {"step_size": 1}}, Method, "--x.step_size is given, but not the class that it belongs to"),
        ("counterfactuals.FixedTarget", TargetPolicy, "--x.target is missing: FixedTarget needs it, a whole number"),
        (
            {
                "class_path": "counterfactuals.Diverse",
                "init_args": {"ascent": {"class_path": "counterfactuals.Ascent", "init_args": {"max_step": 1}}},
            },
            Method,
            "--x.ascent.max_step (given as 1) is no argument of Ascent: did you mean max_steps",
        ),
    ],
)
def test_what_does_not_is_one_sentence(value: Any, kind: Any, said: str) -> None:
    with pytest.raises(InputError) as error:
        check(value, kind, "--x")
    message = str(error.value)
    assert said in message and "\n" not in message and "Union" not in message and "<class" not in message


def test_misspelt_names_in_groups() -> None:
    group = Group(trainer=Group(devices=int, max_epochs=int), seed_everything=int)
    for tree, said in (
        ({"trainer": {"device": "1"}}, "--trainer.device (given as '1') is no argument: did you mean devices?"),
        (
            {"modell": {"a": {"b": "1"}}},
            "--modell.a.b (given as '1') is no argument: there is trainer, seed_everything",
        ),
        ({"seed": 3}, "did you mean seed_everything?"),
        ({"trainer": "fast"}, "--trainer must hold keys and values (devices, max_epochs …); got 'fast'"),
    ):
        with pytest.raises(InputError) as error:
            check(tree, group, "--")
        assert said in str(error.value)


def test_types_in_words() -> None:
    assert in_words(alternatives(int | None)) == "a whole number or null"
    assert in_words(alternatives(list[str] | str | bool)) == "a list (each text) or true or false"
    two = "a whole number, a list of 2 (a whole number, a whole number) or null"
    assert in_words(alternatives(int | tuple[int, int] | None)) == two
    types, required = of_class(Ascent)
    assert types["step_size"] is float and required == []
