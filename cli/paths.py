"""``~`` and ``$NAME`` in what is given: a shell replaces them in its own words, and nobody in a config."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from networks.errors import InputError

VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


def expanded(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """A text with the home folder in place of a leading ``~``, and with the variables that there are.

    Raises:
        InputError: it begins with a variable or a user that there is not.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in environment and found.start() == 0 and "/" in text:
            raise InputError(f"{text!r}: ${name} is not set in the environment")
        return environment.get(name, found[0])

    text = VARIABLE.sub(value, text)
    if re.match(r"~\w*(/|$)", text) is None:
        return text
    home = str(Path(text).parts[0])
    if os.path.expanduser(home) == home:  # noqa: PTH111  # Path raises for it
        raise InputError(f"{text!r}: there is no user {home[1:]!r}")
    return os.path.expanduser(text)  # noqa: PTH111  # a text stays a text


def expand(config: Any, key: str = "-") -> None:
    """Expand every text below a config, in place.

    Raises:
        InputError: as ``expanded``, with the flag's name before it.
    """
    for name, value in _items(config):
        inner = f"{key}[{name}]" if isinstance(name, int) else f"{key}.{name}" if key != "-" else f"--{name}"
        if isinstance(value, str):
            with InputError.about(inner.replace(".init_args", "")):
                config[name] = expanded(value)
        else:
            expand(value, inner)


def _items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, list):
        return list(enumerate(value))
    if isinstance(value, dict):
        return list(value.items())
    return list(vars(value).items()) if type(value).__name__ == "Namespace" else []
