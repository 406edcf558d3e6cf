"""Classes that a value may name: those of our packages that fit, and what is wrong with a path that names none."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from networks.errors import InputError

OURS = (
    *("attributions", "counterfactuals", "callbacks", "datamodules"),
    *("networks", "networks.flows", "lightning_modules"),
)
MOST_NAMES = 12  # that a message lists where one is misspelt
MOST_CLASSES = 40  # where another kind of class is given


def named(path: str, base: type) -> type:
    """The class of a path, or of a class's name alone.

    Args:
        base: class or protocol that it must stand for.

    Raises:
        InputError: a sentence that goes on after "… is": no module, no class in it, or one of another kind.
    """
    module, _, name = path.rpartition(".")
    fitting = {f"{c.__module__.split('.', 1)[0]}.{c.__name__}": c for c in classes(base)}
    if not module:
        by_name = {c.__name__: c for c in fitting.values()}
        if name not in by_name:
            raise InputError(f"{path!r}, which is no {called(base)}: {nearest(name, by_name)}")
        return by_name[name]
    found = getattr(_imported(module, path), name, None)
    if found is None:
        there = {n: c for n, c in vars(_imported(module, path)).items() if n[0] != "_"}
        names = [f"{module}.{n}" for n, c in there.items() if inspect.isclass(c) and stands_for(c, base)]
        raise InputError(f"{path!r}, which does not exist: {nearest(path, names or fitting or there)}")
    if not inspect.isclass(found) or not stands_for(found, base):
        raise InputError(f"{path!r}, which is no {called(base)}: {plural(base)} are {listed(fitting, base)}")
    return found


def nearest(name: str, names: Iterable[str]) -> str:
    """What a misspelt name may have meant: near ones, or else all that there are."""
    names = list(map(str, names))
    short = {n.rpartition(".")[2].casefold(): n for n in names}
    last = str(name).rpartition(".")[2].casefold()
    near = [short[n] for n in get_close_matches(last, short, n=3, cutoff=0.6)]
    near = near or [full for n, full in short.items() if len(last) > 3 and (last in n or n in last)][:3]
    if near:
        return f"did you mean {' or '.join(near)}?"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"there is {', '.join(names[:MOST_NAMES])}{more}" if names else "there is none of ours"


def listed(names: Iterable[str], base: type) -> str:
    """The names of what can stand for a class, where they are not too many to be read."""
    few = list(names)
    return (
        ", ".join(few) if 0 < len(few) <= MOST_CLASSES else f"by class path, of {base.__module__}.{base.__qualname__}"
    )


def classes(base: type) -> list[type]:
    """Those of our packages that can stand for a class or protocol, by name."""
    modules = [importlib.import_module(package) for package in OURS]
    ours = {getattr(module, name) for module in modules for name in module.__all__}
    fitting = [c for c in ours if inspect.isclass(c) and not _is_protocol(c) and c is not base and stands_for(c, base)]
    return sorted(fitting, key=lambda c: c.__name__)


def stands_for(one: type, base: type) -> bool:
    """Whether a class is a subclass, or has a protocol's methods with the same arguments."""
    if not _is_protocol(base):
        return issubclass(one, base)
    methods = {n: m for n, m in vars(base).items() if inspect.isfunction(m) and (n == "__call__" or n[0] != "_")}
    return all(_takes_the_same(getattr(one, name, None), method) for name, method in methods.items())


def called(base: type) -> str:
    """A class's name in words: RowOptimizer → row optimizer."""
    name = {"Module": "Network", "LRScheduler": "Scheduler"}.get(base.__name__, base.__name__)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def plural(base: type) -> str:
    """The same of several."""
    name = called(base)
    return f"{name[:-1]}ies" if name.endswith("cy") else f"{name}s"


def _is_protocol(one: type) -> bool:
    return getattr(one, "_is_protocol", False)


def _takes_the_same(own: Any, method: Callable[..., Any]) -> bool:
    with suppress(TypeError, ValueError):
        wanted, given = (list(inspect.signature(f).parameters.values()) for f in (method, own))
        same = [p.name for p in given[: len(wanted)]] == [p.name for p in wanted]
        return same and all(p.default is not p.empty for p in given[len(wanted) :])
    return False


def _imported(module: str, path: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if f"{module}.".startswith(f"{error.name}."):
            local = [m.name for m in pkgutil.iter_modules(["."])]
            near = get_close_matches(str(error.name), [*OURS, *local], n=1, cutoff=0.6)
            raise InputError(
                f"{path!r}, and there is no module {error.name}: it is looked for in {Path.cwd()}, the PYTHONPATH and "
                f"what is installed{f'; did you mean {near[0]}?' if near else ''}"
            ) from error
        raise InputError(f"{path!r}, but importing {module} fails: {error}") from error
    except Exception as error:  # whatever a user's module raises
        raise InputError(f"{path!r}, but importing {module} fails: {type(error).__name__}: {error}") from error
