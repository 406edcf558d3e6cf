import socket
from pathlib import Path

import pytest
import wandb

from cli import wandb_environment
from networks.errors import InputError


@pytest.mark.parametrize(
    ("environment", "project", "mode"),
    [
        ({}, "onmanifold", "offline"),
        ({"WANDB_MODE": "online"}, "onmanifold", "online"),
        ({"WANDB_MODE": "disabled"}, "onmanifold", "disabled"),
        ({"WANDB_MODE": "dryrun", "WANDB_PROJECT": "mine"}, "mine", "offline"),
        ({"WANDB_DISABLED": "true", "WANDB_MODE": "online"}, "onmanifold", "disabled"),
    ],
)
def test_the_environment_counts_where_no_flag_is_given(
    environment: dict[str, str], project: str, mode: str, tmp_path: Path
) -> None:
    given = {name.removeprefix("wandb."): v for name, v in wandb_environment.defaults(environment).items()}
    settings = wandb_environment.settings({**given, "name": None}, str(tmp_path), environment)
    assert settings["project"] == project and settings["mode"] == mode
    assert settings["name"] == settings["save_dir"] == str(tmp_path)


def test_names_and_folders_of_the_environment(tmp_path: Path) -> None:
    environment = {"WANDB_NAME": "me", "WANDB_DIR": str(tmp_path / "there")}
    settings = wandb_environment.settings({"offline": True, "name": None}, "here", environment)
    assert settings["name"] == "me" and settings["save_dir"] == str(tmp_path / "there")
    assert (tmp_path / "there").is_dir()
    assert wandb_environment.settings({"offline": True, "name": "flag"}, "here", environment)["name"] == "flag"
    with pytest.raises(InputError, match=r"WANDB_MODE is 'offlin' in the environment: it may be offline"):
        wandb_environment.defaults({"WANDB_MODE": "offlin"})


def test_a_server_that_is_not_there_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=r"W&B's server http.* cannot be reached \(refused\): leave --wandb.offline"):
        wandb_environment.check_server("online")
    wandb_environment.check_server("offline")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    wandb_environment.check_server("online")


def test_its_refusals_are_sentences() -> None:
    told = wandb_environment.refused(wandb.errors.UsageError("No API key configured. Use `wandb login` to log in."))
    assert str(told).startswith(
        "W&B: No API key configured. Use `wandb login` to log in: leave --wandb.offline at true"
    )
    with pytest.raises(ValueError) as caught:
        wandb.Settings(base_url="nonsense")
    assert "WANDB_BASE_URL cannot be 'nonsense'" in str(wandb_environment.refused(caught.value))
    assert wandb_environment.refused(ValueError("other")) is None
