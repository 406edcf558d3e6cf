"""What is wrong with given values, in one sentence: the argument as one would type it, the value, what is allowed.

jsonargparse says for an argument of several types why each of them does not fit. Here the values that it has refused
are looked at again, beside the types of the arguments.
"""

import inspect
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from jsonargparse import ArgumentParser
from torch import Tensor

from cli.given import CLASS_KEYS, load
from cli.known_classes import classes, listed, named, nearest, plural
from networks.errors import InputError

IN_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    NoneType: "null",
    Path: "a path",
    timedelta: "a duration such as 00:12:00:00",
}


class Group(dict[str, Any]):
    """Names of arguments → their types, or further groups."""


def arguments(parser: ArgumentParser) -> Group:
    """The types of a parser's arguments, nested as a config's keys are."""
    tree = Group()
    own = ("config", "help", "print_config", "print_shtab")
    for action in parser._actions:
        *groups, name = action.dest.split(".")
        if name in own:  # of the parser, or of a class
            continue
        node = tree
        for group in groups:
            if not isinstance(node.get(group), Group):
                node[group] = Group()
            node = node[group]
        if not isinstance(node.get(name), Group):
            node[name] = getattr(action, "_typehint", Any)
    return tree


def of_class(one: type) -> tuple[Group, list[str]]:
    """The types of a constructor's arguments, and which of them it must be given."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(one, fail_untyped=False)
    return arguments(parser), [action.dest for action in parser._actions if action.required]


def check_all(tree: dict[str, Any], parser: ArgumentParser) -> None:
    """Raise ``InputError`` for the first thing that is wrong with what ``given.read`` found."""
    check(tree, arguments(parser), "--")


def missing(message: str, parser: ArgumentParser) -> InputError | None:
    """The sentence on what jsonargparse says is required, if that is what it says."""
    found = re.search(r"arguments are required: (?:(?:fit|validate|test)\.)?([\w.]+)", message)
    if found is None:
        return None
    kind: Any = arguments(parser)
    for part in found[1].split("."):
        kind = kind.get(part, Any) if isinstance(kind, Group) else Any
    return InputError(f"--{found[1]} is missing: give {in_words(alternatives(kind))}, by this flag or in a config")


def check(value: Any, kind: Any, key: str) -> None:
    """Look at a value of ``given.read`` and all that it holds.

    Args:
        kind: a type, or a ``Group``.
        key: of the value as one would type it, e.g. ``--model.method``.

    Raises:
        InputError: the first thing that is wrong.
    """
    if isinstance(kind, Group):
        _check_names(value, kind, key, "is no argument")
        return
    kinds = alternatives(kind)
    errors: list[tuple[Any, InputError]] = []
    for one in kinds:
        try:
            return _check_one(value, one, key)
        except InputError as error:
            errors.append((one, error))
    meant = [error for one, error in errors if _looks_like(value, one)]
    raise meant[0] if meant else InputError(f"{key} must be {in_words(kinds)}; got {shown(value)}")


def alternatives(kind: Any) -> list[Any]:
    """The types of a union, or the one; without tensors, which nobody can type."""
    parts = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return [k for part in parts if part is not Tensor for k in alternatives(part)]
    if get_origin(kind) is Callable and get_origin(parts[-1]) in (Union, UnionType):
        return [Callable[[*parts[:-1]], made] for made in alternatives(parts[-1])]
    return [kind]


def in_words(kinds: Sequence[Any]) -> str:
    """What values of one of the types are."""
    texts = list(dict.fromkeys(str(text) for kind in kinds if get_origin(kind) is Literal for text in get_args(kind)))
    lists = [kind for kind in kinds if _is_list(get_origin(kind)) and get_origin(kind) is not tuple]
    of_lists = [part for kind in lists for part in get_args(kind)]
    others = [kind for kind in kinds if get_origin(kind) is not Literal and kind not in of_lists]
    words = [f"one of {', '.join(texts)}"] if texts else []
    words += dict.fromkeys(_one_in_words(kind) for kind in sorted(others, key=lambda k: k is NoneType))
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def shown(value: Any) -> str:
    """A value as it is quoted, cut where it is long."""
    text = repr(value)
    return text if len(text) < 80 else f"{text[:76]} …"


def is_class(kind: Any) -> bool:
    """Whether values of a type are classes with their arguments."""
    base = class_of(kind)
    plain = ("builtins", "pathlib", "datetime", "typing", "collections.abc")
    return inspect.isclass(base) and base.__module__ not in plain


def class_of(kind: Any) -> Any:
    """The class that a value must be of; of a factory the one that it makes."""
    return get_args(kind)[-1] if get_origin(kind) is Callable and get_args(kind) else kind


def _check_names(value: Any, group: Group, key: str, unknown: str) -> None:
    if not isinstance(value, dict):
        raise InputError(f"{key} must hold keys and values ({', '.join(list(group)[:5])} …); got {shown(value)}")
    stem = key if key == "--" else f"{key}."
    for name, one in value.items():
        if name not in group:
            full, given = _flag(name, one)
            raise InputError(f"{stem}{full} (given as {shown(given)}) {unknown}: {nearest(name, group)}")
        check(one, group[name], f"{stem}{name}")


def _flag(name: str, value: Any) -> tuple[str, Any]:
    """The whole name of a flag that went into nested keys, and its value."""
    while isinstance(value, dict) and len(value) == 1 and "class_path" not in value:
        ((inner, value),) = value.items()
        name = f"{name}.{inner}"
    return name, value


def _check_one(value: Any, kind: Any, key: str) -> None:
    origin, parts = get_origin(kind) or kind, get_args(kind)
    if is_class(kind):
        return _check_class(_read(value), kind, key)
    read = value if origin is str else _read(value)
    if isinstance(read, list) and _is_list(origin):
        return _check_list(read, kind, key)
    if isinstance(read, dict) and _is_mapping(origin):
        for name, one in read.items() if parts else ():
            check(one, parts[1], f"{key}.{name}")
        return None
    if not _fits(read, kind):
        raise InputError(f"{key} must be {_one_in_words(kind)}; got {shown(value)}")
    return None


def _check_list(value: list[Any], kind: Any, key: str) -> None:
    parts = get_args(kind)
    if get_origin(kind) is tuple and parts[-1] is not Ellipsis:
        if len(value) != len(parts):
            raise InputError(f"{key} must be {_one_in_words(kind)}; got {shown(value)}")
    else:
        parts = parts[:1] * len(value)
    for i, (one, part) in enumerate(zip(value, parts, strict=False)):
        check(one, part, f"{key}[{i}]")


def _fits(value: Any, kind: Any) -> bool:
    origin = get_origin(kind) or kind
    if origin is Literal:
        return any(str(value) == str(allowed) for allowed in get_args(kind))
    if origin in (int, float):
        number = int if origin is int else (int, float)
        return isinstance(value, number) and not isinstance(value, bool)
    if origin in (bool, str, NoneType):
        return isinstance(value, origin)
    if inspect.isclass(origin) and issubclass(origin, os.PathLike):
        return isinstance(value, (str, os.PathLike))
    return not (_is_list(origin) or _is_mapping(origin))  # of any other type nothing is known


def _read(value: Any) -> Any:
    """Text from the command line as the number, list or dictionary that it means."""
    if not isinstance(value, str):
        return value
    for number in (int, float):
        with suppress(ValueError):
            read = number(value)
            return read if math.isfinite(read) else value  # "nan" is text in YAML, .nan the number
    with suppress(InputError):
        return load(value, "")
    return value


def _looks_like(value: Any, kind: Any) -> bool:
    """Whether a value was meant for this type of several."""
    origin, read = get_origin(kind) or kind, _read(value)
    if is_class(kind):
        as_name = isinstance(read, str) and re.fullmatch(r"[^\W\d]\w*(\.\w+)*", read) is not None
        return as_name or (isinstance(read, dict) and any(get_close_matches(k, CLASS_KEYS) for k in map(str, read)))
    return (isinstance(read, list) and _is_list(origin)) or (isinstance(read, dict) and _is_mapping(origin))


def _is_list(origin: Any) -> bool:
    return inspect.isclass(origin) and origin is not str and issubclass(origin, Iterable) and not _is_mapping(origin)


def _is_mapping(origin: Any) -> bool:
    return inspect.isclass(origin) and issubclass(origin, Mapping)


def _one_in_words(kind: Any) -> str:
    origin, parts = get_origin(kind) or kind, get_args(kind)
    if is_class(kind):
        base = class_of(kind)
        return f"one of the {plural(base)} ({listed((c.__name__ for c in classes(base)), base)})"
    if origin is tuple and parts and parts[-1] is not Ellipsis:
        return f"a list of {len(parts)} ({', '.join(map(_one_in_words, parts))})"
    if parts and _is_list(origin):
        return f"a list (each {in_words(alternatives(parts[0]))})"
    if parts and _is_mapping(origin):
        return f"names with values (each {in_words(alternatives(parts[1]))})"
    return IN_WORDS.get(origin, in_words([kind]) if origin is Literal else getattr(origin, "__name__", str(origin)))


def _check_class(value: Any, kind: Any, key: str) -> None:
    base = class_of(kind)
    if isinstance(value, str):
        value = {"class_path": value}
    if not isinstance(value, dict):
        raise InputError(f"{key} must be {_one_in_words(kind)}; got {shown(value)}")
    if "class_path" not in value:
        raise _without_class(value, base, key)
    if (extra := next((k for k in value if k not in CLASS_KEYS), None)) is not None:
        meant = nearest(extra, CLASS_KEYS)
        raise InputError(f"{key}.{extra} (given as {shown(value[extra])}) cannot stand beside class_path: {meant}")
    try:
        one = named(str(value["class_path"]), base)
    except InputError as error:
        raise InputError(f"{key} is {error}") from error
    types, required = of_class(one)
    given = {} if value.get("init_args") is None else value["init_args"]
    _check_names(given, types, key, f"is no argument of {one.__name__}")
    missing = [name for name in required if name not in given]
    if missing and base is kind:  # a factory's first arguments come later
        needed = in_words(alternatives(types[missing[0]]))
        raise InputError(f"{key}.{missing[0]} is missing: {one.__name__} needs it, {needed}")


def _without_class(value: dict[str, Any], base: type, key: str) -> InputError:
    for name, given in value.items():
        if name not in CLASS_KEYS and get_close_matches(str(name), CLASS_KEYS[:1], cutoff=0.8):
            return InputError(f"{key}.{name} (given as {shown(given)}) is no argument: did you mean class_path?")
    inner = value.get("init_args") or value
    first = f"{key}.{next(iter(inner))}" if isinstance(inner, dict) and inner else key
    names = listed((c.__name__ for c in classes(base)), base)
    return InputError(f"{first} is given, but not the class that it belongs to: name it with {key} CLASS ({names})")
