"""The part of ``--help`` that says which flags the classes of an argument take."""

import textwrap
from collections import defaultdict
from contextlib import suppress
from typing import Any

from jsonargparse import ArgumentParser

from cli.known_classes import MOST_CLASSES, classes
from cli.wording import Group, alternatives, arguments, class_of, in_words, is_class, of_class

WIDTH = 118


def class_flags(parser: ArgumentParser) -> str:
    """Every argument that is a class of ours: the classes that it may be, and the flags that these take."""
    keys: dict[type, list[str]] = defaultdict(list)
    for key, kind in _flat(arguments(parser)):
        for base in {class_of(one) for one in alternatives(kind) if is_class(one)}:
            if 0 < len(classes(base)) <= MOST_CLASSES:
                keys[base].append(key)
    return "".join(_section(names, base) for base, names in keys.items())


def _section(keys: list[str], base: type) -> str:
    kinds = classes(base)
    taken: dict[str, tuple[Any, list[str]]] = {}
    for one in kinds:
        for name, kind in _taken_by(one).items():
            taken.setdefault(name, (kind, []))[1].append(one.__name__)
    named = f"--{' and --'.join(keys)} CLASS: {', '.join(one.__name__ for one in kinds)}. With them go:"
    lines = [textwrap.fill(named, WIDTH, subsequent_indent="  ")]
    for name, (kind, takers) in sorted(taken.items()):
        of = "all" if len(takers) == len(kinds) else ", ".join(takers)
        kind_in_words = "a group" if isinstance(kind, Group) else _short(in_words(alternatives(kind)))
        text = f"--{keys[0]}.{name}: {kind_in_words} ({of})"
        lines.append(textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="      "))
    return "\n" + "\n".join(lines) + "\n"


def _taken_by(one: type) -> Group:
    with suppress(ValueError):  # a callback that the program itself makes
        return of_class(one)[0]
    return Group()


def _short(words: str) -> str:
    return words.partition(" (")[0] if words.startswith("one of the ") else words


def _flat(group: Group, key: str = "") -> list[tuple[str, Any]]:
    """Arguments by their full names."""
    found = []
    for name, kind in group.items():
        full = f"{key}.{name}" if key else name
        found += _flat(kind, full) if isinstance(kind, Group) else [(full, kind)]
    return found
