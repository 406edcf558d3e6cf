"""Whether a TorchScript archive computes with tensors and nothing else, looked at before torch reads it.

Its code cannot name Python, but can name operators that open and write files, and what is called ``__setstate__`` runs
while it is loaded.
"""

import ast
import io
import re
import zipfile
from collections.abc import Iterator
from functools import cache

import torch

from networks.errors import InputError

#: files in an archive, below its first folder
ENTRIES = re.compile(
    r"data\.pkl|constants\.pkl|version|byteorder|\.data/(serialization_id|version)|\.format_version|\.storage_alignment"
    r"|(data|constants|traced_inputs)/\d+|traced_inputs\.pkl|code/__torch__(/[\w.]+)*\.py(\.debug_pkl)?|code/__torch__\.py(\.debug_pkl)?"
)
#: of ``torch.…`` that are no operators of aten
OTHERS = {"device", "dict", "Size", "float", "int", "tensor", "len", "append", "format", "__contains__", "__isnot__"}
OTHERS |= {"__is__", "__not__", "add_", "list", "slice", "select", "str", "bool", "ones_like", "warn"}
#: of ``ops.prim.…``: what a tensor is, and arithmetic of sizes
PRIM = {"NumToTensor", "ImplicitTensorToNum", "TupleIndex", "isinstance", "rangelist", "RaiseException"}
PRIM |= {"unchecked_cast", "unchecked_unwrap_optional", "max", "min", "abs", "index", "name", "names", "type"}
PRIM |= {"device", "dtype", "layout", "shape", "itemsize", "nbytes", "requires_grad", "grad", "data"}
PRIM |= {"T", "mT", "H", "mH", "real", "imag"}
PRIM |= {f"is_{what}" for what in ("cpu", "cuda", "xpu", "ipu", "mps", "meta", "xla", "vulkan", "maia", "mkldnn")}
PRIM |= {"is_nested", "is_quantized", "is_sparse", "is_leaf"}
FORBIDDEN = {"__setstate__", "__getstate__", "classes", "fork", "wait"}


def check_archive(content: bytes) -> None:
    """Look at what ``torch.jit.save`` wrote, or another says it did.

    Raises:
        InputError: something in it is more than operations on tensors.
        zipfile.BadZipFile: it is no archive.
    """
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise InputError("it is no archive of torch.jit.save")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if sum(entry.file_size for entry in archive.infolist()) > 2 * len(content):
            raise InputError("its files are compressed, which torch never does")
        if len({name.lower() for name in names}) < len(names):
            raise InputError("it holds two files of one name")
        if not any(name.partition("/")[2].startswith("code/") for name in names):
            raise InputError("it holds no TorchScript: is it a file of weights? Those are for TimmModel, or Adapter")
        for name in names:
            if not ENTRIES.fullmatch(name.partition("/")[2]):
                raise InputError(f"it holds {name!r:.100}, which no network needs")
            if name.endswith(".py"):
                _check_code(archive.read(name).decode("utf-8"))


def _check_code(code: str) -> None:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        raise InputError("its code cannot be read") from None
    for name in _names(tree):
        if name in FORBIDDEN or _opens_files(name):
            raise InputError(f"its code has {name!r:.100}, which no network needs")
    for name in _operators(tree):
        if not _is_harmless(name):
            raise InputError(f"its code calls {name!r:.100}, which does more than to compute with tensors")


def _names(tree: ast.AST) -> Iterator[str]:
    """Of functions, and of what is taken from values: x.save(…) is an operator, too."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def _operators(tree: ast.AST) -> Iterator[str]:
    """Dotted names below ``torch`` and ``ops``; these two alone, which might be handed on, as they are."""
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)) and id(node) not in inner:
            name = _dotted(node)
            if name.partition(".")[0] in ("torch", "ops"):
                yield name


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


@cache
def _opens_files(operator: str) -> bool:
    schemas = torch._C._jit_get_schemas_for_operator(f"aten::{operator}")
    return any("file" in argument.name for schema in schemas for argument in schema.arguments)


def _is_harmless(name: str) -> bool:
    """An operator of aten that opens no file, or one of few others."""
    space, _, rest = name.partition(".")
    if space == "ops":
        space, _, rest = rest.partition(".")
        if space == "prim":
            return rest in PRIM
    if space not in ("torch", "aten"):
        return False
    if rest in OTHERS:
        return True
    return bool(torch._C._jit_get_schemas_for_operator(f"aten::{rest}")) and not _opens_files(rest)
