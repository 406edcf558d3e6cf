"""W&B's own environment variables, and its refusals in one sentence."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb
from pydantic import ValidationError

from networks.errors import InputError
from networks.imported.reachable import unreachable

OFFLINE = ("offline", "dryrun", "disabled")  # values of WANDB_MODE
ONLINE = ("online", "run", "shared")
TRUE = ("1", "true", "t", "yes", "y", "on")


def defaults(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Of the flags that W&B's logger has: what the environment says, and offline where it says nothing.

    Raises:
        InputError: a WANDB_MODE that there is not.
    """
    mode = environment.get("WANDB_MODE") or "offline"
    if mode not in OFFLINE + ONLINE:
        raise InputError(
            f"WANDB_MODE is {mode!r} in the environment: it may be {', '.join(OFFLINE + ONLINE)}, or unset"
        )
    project = environment.get("WANDB_PROJECT") or "onmanifold"
    return {"wandb.project": project, "wandb.offline": mode in OFFLINE}


def settings(given: Mapping[str, Any], folder: str, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Arguments of W&B's logger: flags, and in place of those that are not given the environment.

    The mode is told to W&B directly. Lightning puts ``offline`` into the environment, which overrules a
    ``WANDB_MODE=disabled`` from outside, and comes too late where W&B has been used before in the process.
    """
    off = environment.get("WANDB_MODE") == "disabled" or environment.get("WANDB_DISABLED", "").lower() in TRUE
    own = {
        "name": environment.get("WANDB_NAME") or folder,
        "save_dir": environment.get("WANDB_DIR") or folder,
        "mode": "disabled" if off else "offline" if given["offline"] else "online",
    }
    Path(own["save_dir"]).mkdir(parents=True, exist_ok=True)  # W&B would otherwise take the working directory
    return {**own, **{name: value for name, value in given.items() if value is not None}}


def check_server(mode: str) -> None:
    """Raise ``InputError`` where a run is to be sent to a server that cannot be reached.

    W&B itself waits for a minute and a half.
    """
    if mode != "online":
        return
    try:
        url = str(wandb.setup().settings.base_url)
    except (ValidationError, wandb.errors.Error) as error:
        raise refused(error) or error from error
    if (reason := unreachable(url)) is not None:
        raise InputError(f"W&B's server {url} cannot be reached ({reason}): {ADVICE}") from reason


def refused(error: Exception) -> InputError | None:
    """What W&B says of its settings or its server, and what to do; ``None`` for other errors."""
    if isinstance(error, ValidationError) and error.title == "Settings":
        first = error.errors()[0]
        name = "_".join(map(str, first["loc"])).upper()
        return InputError(f"W&B's setting WANDB_{name} cannot be {first['input']!r:.100}: {first['msg']}")
    if not isinstance(error, wandb.errors.Error):
        return None
    said = " ".join(str(error).split())[:300].rstrip(".")
    of_server = isinstance(error, (wandb.errors.CommError, wandb.errors.AuthenticationError)) or "log in" in said
    return InputError(f"W&B: {said}{f': {ADVICE}' if of_server else ''}")


ADVICE = "leave --wandb.offline at true and send the run later (wandb sync), or log in with wandb login"
