"""What a user gave, in configs and in words, as one tree of plain values: nothing of it has a type or a default yet."""

import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from networks.errors import InputError

#: keys of a class in a config, beside which nothing else stands
CLASS_KEYS = ("class_path", "init_args", "dict_kwargs")
#: flags without a value
ALONE = ("h", "help", "print_config")
SUFFIXES = (".yaml", ".yml", ".json")


def read(words: Sequence[str]) -> dict[str, Any]:
    """The tree that a command line asks for: configs in their order, then the words after them.

    ``{"model": {"method": {"class_path": …, "init_args": {"step_size": "0.1"}}}}``: what a flag gave is text.

    Raises:
        InputError: a config that cannot be read, or holds a key twice; a word that belongs to no flag.
    """
    tree: dict[str, Any] = {}
    for flag, value in pairs(words):
        if flag in ("c", "config"):
            merge(tree, config(value))
        else:
            put(tree, flag.rstrip("+").split("."), subconfig(value))
    return tree


def check_configs(words: Sequence[str]) -> None:
    """Raise ``InputError`` where a YAML file among the words cannot be read, or holds a key twice."""
    for before, word in pairwise(["", *words]):
        flag, equals, value = word.partition("=") if word.startswith("-") else (before, "=", word)
        if equals:
            (config if flag in ("-c", "--config") else subconfig)(value)


def pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Flags without their dashes, and what is given to each: the next word, or what follows "="."""
    rest, before = list(words), ""
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            raise InputError(
                f"{word!r}{before} belongs to no flag: each takes one value, as in --data.predict_limit 100"
            )
        flag, equals, value = word.lstrip("-").partition("=")
        if flag.rpartition(".")[2] in ALONE:
            continue
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise InputError(f"--{flag} needs a value: --{flag} VALUE")
            value = rest.pop(0)
        before = f" after --{flag} {value}"
        yield flag, value


def config(path: str) -> dict[str, Any]:
    """A config file's tree, or that of a config given as text.

    Raises:
        InputError: no such file, no YAML, no keys at its top, or a key that is given twice.
    """
    file = Path(os.path.expanduser(path))  # noqa: PTH111  # Path raises for a user that there is not
    if not file.is_file() and ":" in path:
        return _keys(load(path, "--config"), "--config")
    if not file.is_file():
        state = "is a folder" if file.is_dir() else "does not exist"
        raise InputError(f"--config {path!r} {state}: {_instead(file)}")
    try:
        return _keys(load(file.read_text(encoding="utf-8"), f"config {path!r}"), f"config {path!r}")
    except UnicodeDecodeError as error:
        raise InputError(f"config {path!r} is no text in UTF-8: give a YAML file, as in configs/") from error


def _instead(file: Path) -> str:
    """What to give instead of a file that is not there."""
    if near := get_close_matches(file.name, [other.name for other in file.parent.glob("*.y*ml")], n=1):
        return f"did you mean {str(file.with_name(near[0]))!r}?"
    looked = "" if file.is_absolute() or file.exists() else f"; looked for in {Path.cwd()}"
    return f"give a YAML file, as in configs/{looked}"


def load(text: str, name: str) -> Any:
    """YAML as plain values; ``name`` says in errors where it stands.

    Raises:
        InputError: no YAML, or a key that is given twice in one place, of which YAML itself would take the last.
    """
    try:
        return yaml.load(text, Loader=_Strict)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{name}{line}: {' '.join(filter(None, (error.problem, error.note)))}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{name} is no YAML: {' '.join(str(error).split())}") from error


def subconfig(value: str) -> Any:
    """The tree of a YAML file that stands for a class (``--model.method ascent.yaml``); other values as they are."""
    file = Path(os.path.expanduser(value))  # noqa: PTH111
    if file.suffix not in SUFFIXES or not file.is_file():
        return value
    tree = load(file.read_text(encoding="utf-8", errors="replace"), repr(value))
    return tree if isinstance(tree, dict) else value


def merge(tree: dict[str, Any], more: dict[str, Any]) -> None:
    """Put what a later config says into the tree; lists and other classes replace what was there."""
    for key, value in more.items():
        old = tree.get(key)
        another = isinstance(value, dict) and isinstance(old, dict) and value.get("class_path", old.get("class_path"))
        if isinstance(value, dict) and isinstance(old, dict) and another == old.get("class_path"):
            merge(old, value)
        else:
            tree[key] = value


def put(tree: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    """Set one flag's value. Of a class its arguments can be named directly, of a list those of its last class."""
    for key, following in pairwise(keys):
        tree = _enter(tree, key, following)
    last, old = keys[-1], tree.get(keys[-1])
    if isinstance(value, dict) and isinstance(old, dict):
        merge(tree, {last: value})
    else:
        tree[last] = value


def _enter(tree: dict[str, Any], key: str, following: str) -> dict[str, Any]:
    inner = tree.get(key)
    if isinstance(inner, list) and inner:
        tree, key, inner = {"last": inner[-1]}, "last", inner[-1]
    if isinstance(inner, str):
        inner = {"class_path": inner}
    inner = inner if isinstance(inner, dict) else {}
    tree[key] = inner
    return inner.setdefault("init_args", {}) if "class_path" in inner and following not in CLASS_KEYS else inner


def _keys(tree: Any, name: str) -> dict[str, Any]:
    if isinstance(tree, dict) and all(isinstance(key, str) for key in tree):
        return tree
    found = "is empty" if tree is None else f"holds {'keys that are no text' if isinstance(tree, dict) else tree!r}"
    raise InputError(f"{name} {found}: it must hold keys and values, such as model: {{slots: 8}}")


class _Strict(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    problem = f"the key {key.value!r} is given twice: keep one of them"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)
