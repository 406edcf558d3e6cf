from pathlib import Path

import pytest
from jsonargparse import Namespace

from cli.paths import expand, expanded
from networks.errors import InputError
from tests.support.runs import fit

HERE = {"SCRATCH": "/scratch", "USER": "me"}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("$SCRATCH/$USER/x", "/scratch/me/x"),
        ("${SCRATCH}/x", "/scratch/x"),
        (r"(p\d+)_.*\.png$", r"(p\d+)_.*\.png$"),
        ("a~b/~", "a~b/~"),
        ("costs $5", "costs $5"),
        ("~/x", f"{Path.home()}/x"),
        ("~", str(Path.home())),
    ],
)
def test_what_a_shell_would_have_made_of_it(text: str, path: str) -> None:
    assert expanded(text, HERE) == path


def test_everywhere_in_a_config() -> None:
    inner = Namespace(class_path="networks.TimmModel", init_args=Namespace(weights="~/w.pth", name="a"))
    config = Namespace(data=Namespace(root="~/x", seed=3), others=[inner, {"file": "~/m.png"}])
    expand(config)
    home = str(Path.home())
    assert config.data.root == f"{home}/x" and config.data.seed == 3
    assert inner.init_args.weights == f"{home}/w.pth" and config.others[1] == {"file": f"{home}/m.png"}
    inner.init_args.weights = "$NOWHERE_AT_ALL/w.pth"
    with pytest.raises(InputError, match=r"^--others\[0\].weights: '\$NOWHERE_AT_ALL/w.pth': .* is not set"):
        expand(config)
    inner.init_args.weights = "~nobodyatall/w.pth"
    with pytest.raises(InputError, match="there is no user 'nobodyatall'"):
        expand(config)


def test_a_command_writes_into_the_home_that_is_meant(
    in_digits_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    fit("digits/svm.yaml", "--trainer.default_root_dir=~/run")
    assert (tmp_path / "run" / "best.ckpt").is_file() and not Path("~").exists()
