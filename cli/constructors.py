"""Which constructor refused what it was given, and under which key of the config that stands.

jsonargparse takes what a constructor raises for a failed guess at a type, and tells it, if at all, among the failures
of all other types. So every constructor is called through ``Constructors``, which remembers.
"""

import functools
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jsonargparse import ArgumentParser
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from cli.wording import shown
from networks.errors import InputError

#: what constructors raise for arguments that they cannot use; the rest are bugs, which keep their traceback
REFUSALS = (ValueError, TypeError, RuntimeError, OSError, ImportError, MisconfigurationException)
LONGEST = 400  # of a message, in characters


class Refusal(NamedTuple):
    """A class, the arguments that it was given, and what it raised."""

    kind: Any
    arguments: dict[str, Any]
    error: Exception


def build(kind: Any, /, *args: Any, **kwargs: Any) -> Any:
    """kind(*args, **kwargs)"""
    return kind(*args, **kwargs)


class Constructors:
    """Calls constructors, and remembers the last one that raised."""

    def __init__(self) -> None:
        self.refusal: Refusal | None = None

    def call(self, kind: Any, /, *args: Any, **kwargs: Any) -> Any:
        """kind(*args, **kwargs), watched."""
        return self.watching(build)(kind, *args, **kwargs)

    def watching(self, instantiator: Callable[..., Any]) -> Callable[..., Any]:
        """The same instantiator, watched."""

        @functools.wraps(instantiator)
        def call(kind: Any, /, *args: Any, **kwargs: Any) -> Any:
            try:
                return instantiator(kind, *args, **kwargs)
            except Exception as error:
                self.refusal = Refusal(kind, kwargs, error)
                raise

        return call

    def watch(self, parser: ArgumentParser) -> None:
        """All that the parser builds from now on, by instantiators of its own, too."""
        add = parser.add_instantiator
        parser.add_instantiator = lambda fn, *args, **kwargs: add(self.watching(fn), *args, **kwargs)

    @contextmanager
    def telling(self, config: Any) -> Iterator[None]:
        """Raises a constructor's own error instead of what was made of it, as an ``InputError`` with the key."""
        try:
            yield
        except InputError as error:
            if self.refusal is None or self.refusal.error is not error:
                raise
            raise self._told(self.refusal, config) from error
        except Exception as error:
            refusal = self.refusal
            if refusal is None or not _is_behind(refusal.error, error):
                raise
            if not isinstance(refusal.error, REFUSALS):
                raise refusal.error from None
            raise self._told(refusal, config) from error

    @staticmethod
    def _told(refusal: Refusal, config: Any) -> InputError:
        key = f"--{key_of(refusal, config)}"
        message = str(refusal.error)
        if isinstance(refusal.error, InputError):
            return InputError(placed(message, key, refusal.arguments))
        plain = {k: v for k, v in refusal.arguments.items() if isinstance(v, (str, int, float, bool, list, tuple))}
        given = shorter(", ".join(f"{k}={shown(v)}" for k, v in plain.items()), 200)
        built = f"cannot be built from {given}" if given else "cannot be built"
        return InputError(
            f"{key}: {getattr(refusal.kind, '__name__', refusal.kind)} {built}: "
            f"{shorter(message) or type(refusal.error).__name__}{_origin(refusal.error)}"
        )


def _is_behind(refused: Exception, error: BaseException) -> bool:
    """Whether an error came of what a constructor raised: by its causes, or by what it quotes."""
    first = str(refused).strip().partition("\n")[0]
    cause: BaseException | None = error
    while cause is not None and cause is not refused:
        cause = cause.__cause__ or cause.__context__
    return cause is refused or (len(first) > 0 and first in str(error))


def placed(message: str, key: str, arguments: Mapping[str, Any]) -> str:
    """A constructor's message with the argument's full name, where it can be told which argument it is about."""
    first = re.match(r"\w+", message)
    if message.startswith("--"):
        return message
    if first is not None and first[0] in arguments:
        return f"{key}.{message}"
    quoted = [name for name, value in arguments.items() if any(repr(text) in message for text in _texts(value))]
    return f"{key}{f'.{quoted[0]}' if len(quoted) == 1 else ''}: {message}"


def key_of(refusal: Refusal, config: Any) -> str:
    """Where in a config the class stands with these arguments; its own name, where that cannot be told."""
    found = [(_likeness(given, refusal.arguments), key) for key, given in _nodes(config, refusal.kind)]
    best = max((likeness for likeness, _ in found), default=0)
    return next((key for likeness, key in found if likeness == best), getattr(refusal.kind, "__name__", "a class"))


def shorter(text: str, longest: int = LONGEST) -> str:
    """In one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 2]} …"


def _nodes(value: Any, kind: Any, key: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Keys of a config under which a class stands, or arguments without one, and these arguments."""
    if isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _nodes(item, kind, f"{key}[{i}]")
    if not hasattr(value, "items"):
        return
    own = dict(value if isinstance(value, Mapping) else vars(value))
    if "class_path" not in own:
        yield key, own
    elif str(own["class_path"]).rpartition(".")[2] == getattr(kind, "__name__", ""):
        yield key, dict(vars(own["init_args"]) if own.get("init_args") is not None else {})
    inner = own.get("init_args") if "class_path" in own else own
    for name, item in (vars(inner) if hasattr(inner, "__dict__") else inner or {}).items():
        yield from _nodes(item, kind, f"{key}.{name}" if key else name)


def _likeness(given: Mapping[str, Any], arguments: Mapping[str, Any]) -> float:
    """How many of a constructor's arguments stand there, and with the same values."""
    same = [name for name in arguments if name in given]
    equal = sum(type(given[n]) is type(arguments[n]) and given[n] == arguments[n] for n in same if _plain(given[n]))
    return len(same) + equal - 0.5 * len(given.keys() ^ arguments.keys())


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))


def _origin(error: Exception) -> str:
    """Where an error of a user's own code was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
