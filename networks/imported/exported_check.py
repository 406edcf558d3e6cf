"""Whether an exported program holds a network and nothing else, looked at before torch reads it.

``torch.export.load`` does what a file says: it unpickles objects, evaluates expressions, compiles names and guards as
Python, imports the modules of enumerations, and loads shared libraries. What a network needs of that is little: it is
listed here, and everything else is refused.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils._sympy import functions

from networks.errors import InputError

#: files in an archive, below its first folder: of torch 2.8 and later, and of those before
ENTRIES = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)|\.format_version"
    r"|\.storage_alignment|models/model\.json|data/weights/(weight_\d+|model_weights_config\.json|model\.pt)"
    r"|data/constants/(tensor_\d+|model_constants_config\.json|model\.pt)|data/sample_inputs/model\.pt|extra/[\w.\-]+"
    r"|serialized_exported_program\.json|serialized_(state_dict|constants|example_inputs)\.pt"
)
OPERATORS = re.compile(
    r"torch\.ops\.(?P<space>aten|prims)\.(?P<op>\w+)\.(?P<overload>\w+)"
    r"|torch\.ops\.higher_order\.(wrap_with_set_grad_enabled|wrap_with_autocast|cond)"
    r"|torch\.sym_(max|min|not|ite|int|float|sum|sqrt)|math\.(ceil|floor|trunc|sqrt)"
    r"|_operator\.(add|sub|mul|truediv|floordiv|mod|pow|neg|pos|getitem|eq|ne|lt|le|gt|ge|and_|or_|not_)"
)
PLAIN = re.compile(r"[\w.,\-+> ]*", re.ASCII)  # nothing can be called without a bracket
SYMBOL = re.compile(r"'[a-z]+_?\d+'")
INPUT = re.compile(r"L\[('\w+'|\"\w+\")\]", re.ASCII)
ARITHMETIC = re.compile(r"(?:[A-Za-z_]\w*|\d+|[\s()\[\],.<>=!+\-*/%])*", re.ASCII)
#: of sympy and torch, in the sizes of tensors
WORDS = {"Symbol", "Integer", "Rational", "Add", "Mul", "Pow", "Max", "Min", "Mod", "And", "Or", "Not", "True", "False"}
WORDS |= {"Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Equality", "Unequality", "LessThan", "GreaterThan"}
WORDS |= {"StrictLessThan", "StrictGreaterThan", "positive", "negative", "nonnegative", "integer", "real", "finite"}
WORDS |= {n for n, c in vars(functions).items() if isinstance(c, type) and c.__module__ == functions.__name__}
#: and in conditions on them
GUARDS = WORDS | {"torch", "size", "stride", "storage_offset", "dim", "and", "or", "not"}
GUARDS |= {"sym_max", "sym_min", "sym_sum"}
#: what inputs and outputs of a program may be nested in
CONTAINERS = ("builtins.tuple", "builtins.list", "builtins.dict", None)


def check_program(path: str | Path) -> None:
    """Look at an archive that ``torch.export.save`` wrote, or another says it did.

    Raises:
        InputError: something in it is more than tensors and operations on tensors.
        OSError, zipfile.BadZipFile, RuntimeError: it cannot be read.
    """
    file = Path(path)
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        size = sum(entry.file_size for entry in archive.infolist())
        if len({name.lower() for name in names}) < len(names):
            raise InputError("it holds two files of one name")
        if size > 2 * file.stat().st_size:
            raise InputError("its files are compressed, which torch never does")
        for name in names:
            if not ENTRIES.fullmatch(name) and not ENTRIES.fullmatch(name.partition("/")[2]):
                raise InputError(f"it holds {name!r:.100}, which no network needs")
            if name.endswith(".json"):
                _check_json(archive.read(name))
    for name, content in _as_torch_sees_it(file):
        if name.endswith(".json"):
            _check_json(content)


def _as_torch_sees_it(file: Path) -> Iterator[tuple[str, bytes]]:
    """torch has a zip reader of its own, which may find other files than Python's in an archive made to that end."""
    try:
        reader = torch._C.PyTorchFileReader(str(file))
    except RuntimeError:  # an archive of torch before 2.8, which torch reads with Python's
        return
    for name in reader.get_all_records():
        if not ENTRIES.fullmatch(name):
            raise InputError(f"it holds {name!r:.100}, which no network needs")
        if name.endswith(".json"):
            yield name, reader.get_record(name)


def _check_json(content: bytes) -> None:
    try:
        _check(json.loads(content), "")
    except RecursionError:
        raise InputError("its description is nested too deeply") from None


def _check(value: Any, key: str) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            if not PLAIN.fullmatch(name) or (item and ("custom_obj" in name or "opaque" in name)):
                raise InputError(f"it holds {name!r:.100}, which no network needs")
            if name != "metadata":  # of nodes: where they came from, in words
                _check(item, name)
    elif isinstance(value, list):
        for item in value:
            _check(item, key)
    elif isinstance(value, str):
        _check_text(value, key)


def _check_text(text: str, key: str) -> None:
    if key in ("target", "as_operator"):
        fine = _is_operator(text)
    elif key == "expr_str":
        fine = _is_arithmetic(SYMBOL.sub("0", text), WORDS)
    elif key == "guards_code":
        fine = _is_arithmetic(INPUT.sub("0", text), GUARDS)
    elif key in ("in_spec", "out_spec") and text:
        fine = _is_structure(json.loads(text))
    else:
        fine = bool(PLAIN.fullmatch(text))
    if not fine:
        raise InputError(f"it holds more than tensors and operations on them: {text!r:.100} ({key})")


def _is_operator(text: str) -> bool:
    found = OPERATORS.fullmatch(text)
    if found is None or found["op"] is None:
        return found is not None
    overload = getattr(getattr(getattr(torch.ops, found["space"]), found["op"], None), found["overload"], None)
    if overload is None:
        return False
    return not any("file" in argument.name for argument in overload._schema.arguments)  # aten.from_file opens one


def _is_arithmetic(text: str, words: set[str]) -> bool:
    return bool(ARITHMETIC.fullmatch(text)) and set(re.findall(r"[A-Za-z_]\w*", text)) <= words


def _is_structure(spec: Any) -> bool:
    """[version, {type, context, children_spec}], as torch writes the nesting of inputs."""
    version, tree = spec if isinstance(spec, list) and len(spec) == 2 else (None, None)
    return isinstance(version, int) and _is_tree(tree)


def _is_tree(tree: Any) -> bool:
    if not isinstance(tree, dict) or tree.get("type") not in CONTAINERS:
        return False
    context = json.loads(tree.get("context") or "[]") or []  # the keys of a dictionary
    named = isinstance(context, list) and all(isinstance(key, str) and PLAIN.fullmatch(key) for key in context)
    return named and all(_is_tree(child) for child in tree.get("children_spec", []))
