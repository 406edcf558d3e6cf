"""Objects from a checkpoint's hyper-parameters: known classes and plain values, and nothing else.

jsonargparse builds whatever class or function a value names, also in strings. That is right for a config, which its
user has written, and wrong for a file that may come from anywhere.
"""

import inspect
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

import networks.autoencoders
import networks.flows
import networks.gans
from networks.errors import InputError

OURS = (networks, networks.flows, networks.autoencoders, networks.gans)
DEPTH = 40  # of nested hyper-parameters; ours have six levels
INNER = ("class_path", "init_args", "dict_kwargs")  # what an object in a config consists of
MISSING = inspect.Parameter.empty

Classes = Mapping[str, type]

_trusted: ContextVar[tuple[type, ...]] = ContextVar("trusted", default=())


def trust(*classes: type) -> None:
    """From now on let checkpoints name these classes beside the known ones; for programs, to call once."""
    _trusted.set(classes)


def known_classes(more: Collection[type] = ()) -> Classes:
    """Full names → what a checkpoint may name: ``networks``, torch's layers, optimisers and schedules, ``more``."""
    return {**_always(), **_by_name((*_trusted.get(), *more))}


@cache
def _always() -> dict[str, type]:
    schedules = torch.optim.lr_scheduler
    return {
        **{name: c for package in OURS for name, c in _public(package, object).items() if not issubclass(c, Exception)},
        **_public(nn, nn.Module),
        **_public(torch.optim, torch.optim.Optimizer),
        **_public(schedules, schedules.LRScheduler),
    }


def _public(module: types.ModuleType, kind: type) -> dict[str, type]:
    names = [n for n in getattr(module, "__all__", vars(module)) if not n.startswith("_")]
    found = {n: c for n in names if isinstance(c := getattr(module, n), type) and issubclass(c, kind)}
    return {**{f"{module.__name__}.{n}": c for n, c in found.items()}, **_by_name(found.values())}


def _by_name(classes: Collection[type]) -> dict[str, type]:
    return {f"{c.__module__}.{c.__qualname__}": c for c in classes}


def check_plain(value: Any, where: str = "hyper_parameters", depth: int = 0) -> None:
    """Raise ``InputError`` unless it is of plain values in lists and dictionaries with names as keys."""
    if depth > DEPTH:
        raise InputError(f"its hyper-parameters are nested more than {DEPTH} levels deep")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InputError(f"{where} has the key {key!r:.50}, which is no name")
            check_plain(item, f"{where}.{key}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            check_plain(item, f"{where}.{i}", depth + 1)
    elif not isinstance(value, (str, int, float, bool, type(None))):
        raise InputError(f"{where} is a {type(value).__name__}, and only plain values may stand there")


def build(cls: type, arguments: Mapping[str, Any], known: Classes) -> Any:
    """``cls(**arguments)`` with the objects that are nested in the arguments.

    Args:
        cls: a class that is trusted.
        arguments: plain values (``check_plain``); ``{class_path, init_args}`` stands for an object of a known class,
            and for a factory where the constructor wants a callable.
        known: the classes that may be named.

    Raises:
        InputError: a class that is not known, an argument that the constructor does not have or that is of another
            type, or a file to open. The constructor's own errors come as they are.
    """
    return cls(**_arguments(cls, arguments, known))


def _arguments(cls: type, given: Mapping[str, Any], known: Classes) -> dict[str, Any]:
    hints, parameters = _hints(cls), inspect.signature(cls).parameters
    anything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    files = getattr(cls, "reads_files", ())
    needed = [name for name in files if parameters[name].default is MISSING]
    if needed:
        raise InputError(
            f"{cls.__name__} opens a file ({needed[0]}), which a checkpoint cannot ask for: name the file in the "
            f"config itself, as class_path: {cls.__module__.partition('.')[0]}.{cls.__name__} with its {needed[0]}"
        )
    if not anything and (unknown := given.keys() - parameters.keys()):
        raise InputError(f"{cls.__name__} has no argument {', '.join(sorted(unknown)):.200}")
    return {
        name: _value(value, hints.get(name, MISSING), known, f"{cls.__name__}'s {name}")
        for name, value in given.items()
        if name not in files
    }


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls.__init__)  # type: ignore[misc]
    except (NameError, TypeError):  # names that are there for type checkers alone
        return {}


def _value(given: Any, hint: Any, known: Classes, what: str) -> Any:
    value = _built(given, hint, known, what)
    if not fits(value, hint):
        raise InputError(f"{what} is {given!r:.80}, which is not of the type that it has to be")
    return value


def _built(given: Any, hint: Any, known: Classes, what: str) -> Any:
    if isinstance(given, dict) and "class_path" in given:
        return _object(given, hint, known, what)
    if isinstance(given, dict):
        return {key: _value(item, _inner(hint, -1), known, f"{what}.{key}") for key, item in given.items()}
    if isinstance(given, (list, tuple)):
        kind = tuple if any(typing.get_origin(h) is tuple for h in _options(hint)) else list
        return kind(_value(item, _inner(hint, i), known, f"{what}[{i}]") for i, item in enumerate(given))
    return given


def _object(given: dict[str, Any], hint: Any, known: Classes, what: str) -> Any:
    path = given["class_path"]
    if unknown := given.keys() - set(INNER):
        raise InputError(f"{what} has {', '.join(sorted(unknown)):.200} beside its class_path")
    arguments = [given.get(name, {}) for name in INNER[1:]]
    if not all(isinstance(a, dict) for a in arguments):
        raise InputError(f"the init_args of {what} are no arguments by name")
    cls = named(path, known)
    factory = any(isinstance(r, type) and issubclass(cls, r) for r in _returns(hint))
    if not factory and not _may_be(cls, hint):
        raise InputError(f"{what} is of the class {cls.__name__}, which is not what it has to be")
    values = _arguments(cls, {k: v for a in arguments for k, v in a.items()}, known)
    return partial(cls, **values) if factory else cls(**values)


def named(path: Any, known: Classes) -> type:
    """The known class of that name.

    Raises:
        InputError: there is none; says what may be named, and how to trust another.
    """
    if isinstance(path, str) and path in known:
        return known[path]
    raise InputError(
        f"it asks for the class {path!r:.100}, and a checkpoint may name only the classes of networks, torch.nn and "
        "torch.optim, and those that you trust yourself: --trust '[my_package.MyNet]', or "
        "load(path, Kind, trust=[MyNet])"
    )


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type that an annotation names; of annotations that cannot be checked, yes.

    What is inside of a list or a dictionary is not looked at.
    """
    return hint in (MISSING, Any) or any(_is(value, option) for option in _options(hint))


def _is(value: Any, hint: Any) -> bool:
    kind = typing.get_origin(hint) or hint
    if kind is typing.Literal:
        return value in typing.get_args(hint)
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    if kind is Callable:
        return callable(value)
    if not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
        return True
    return isinstance(value, kind)


def _may_be(cls: type, hint: Any) -> bool:
    """Whether a class's objects can be of the type that an annotation names."""
    kinds = [typing.get_origin(option) or option for option in _options(hint)]
    classes = [kind for kind in kinds if isinstance(kind, type) and not getattr(kind, "_is_protocol", False)]
    return hint in (MISSING, Any) or len(classes) < len(kinds) or any(issubclass(cls, kind) for kind in classes)


def _options(hint: Any) -> tuple[Any, ...]:
    """The members of a union; otherwise the annotation itself."""
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _returns(hint: Any) -> list[Any]:
    """What the callable returns that an annotation asks for, as such or as a protocol, if it does."""
    options = _options(hint)
    returned = [typing.get_args(h)[-1] for h in options if typing.get_origin(h) is Callable]
    protocols = [h for h in options if getattr(h, "_is_protocol", False) and "__call__" in vars(h)]
    returned += [typing.get_type_hints(h.__call__).get("return") for h in protocols]
    return [r for h in returned for r in _options(h)]


def _inner(hint: Any, i: int) -> Any:
    """Annotation of a collection's i-th item; −1 is that of a mapping's values."""
    for option in _options(hint):
        inner = typing.get_args(option)
        if inner and typing.get_origin(option) is not Callable:
            fixed = typing.get_origin(option) is tuple and Ellipsis not in inner
            return (inner[i] if i < len(inner) else MISSING) if fixed else inner[0 if i >= 0 else -1]
    return MISSING


@contextmanager
def at_most(number: int) -> Iterator[None]:
    """Stop a constructor that makes more layers and parameters than a file can have weights for."""
    count = 0

    def hook(*_: Any) -> None:
        nonlocal count
        count += 1
        if count > number:
            raise InputError(f"it asks for more than {number} layers and parameters, and does not hold so many weights")

    handles = [register_module_module_registration_hook(hook), register_module_parameter_registration_hook(hook)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
