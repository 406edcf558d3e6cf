"""Telling one network from another by all that its answers depend on."""

import functools
import hashlib
import types
from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
import torch.fx
from torch import nn

PLAIN = (type(None), bool, int, float, complex, str, bytes, PurePath, Enum, torch.dtype, np.generic)
ARRAYS = (torch.Tensor, np.ndarray, torch.device)
CONTAINERS = (Mapping, list, tuple, set, frozenset)
NOT_ITS_OWN = {*vars(nn.Module()), "training"}  #: attributes of a network that say nothing of what it computes


def fingerprint(*values: Any) -> str:
    """SHA-256 of all that a network's answers depend on, or of settings, shortened; the same in every process.

    Of a network, and of any other object, count its class, its public attributes, its parameters, buffers and parts,
    also those that are no part of its state; of private attributes those that hold networks, for the others are made
    from the rest, such as what is kept of a computation. A function counts by its code and what that closes over. The
    device of a tensor does not count, nor whether a network is being trained.

    Args:
        values: networks, tensors, arrays, plain values, objects, and containers of these.
    """
    return _digest(values, {}).hex()[:16]


def _digest(value: Any, known: dict[int, bytes]) -> bytes:
    """``known``: objects that were looked at already, by their id; they may hold each other."""
    if id(value) in known:
        return known[id(value)]
    if has_attributes := not isinstance(value, (*PLAIN, *ARRAYS, *CONTAINERS)):
        known[id(value)] = b"one above"
    digest = hashlib.sha256(f"{type(value).__module__}.{type(value).__qualname__}".encode())
    for part in _inside(value):
        piece = part if isinstance(part, bytes) else _digest(part, known)
        digest.update(len(piece).to_bytes(8, "little") + piece)  # (ab, c) is not (a, bc)
    if has_attributes:
        known[id(value)] = digest.digest()
    return digest.digest()


def _inside(value: Any) -> list[Any]:
    """Bytes, and values in which to look further."""
    if isinstance(value, PLAIN):
        return [repr(value).encode()]
    if isinstance(value, ARRAYS):
        return _inside_array(value)
    if isinstance(value, CONTAINERS):
        return _inside_container(value)
    if isinstance(value, nn.Module):
        return _inside_network(value)
    return _inside_callable(value) or [_attributes(value)]


def _inside_array(value: Any) -> list[Any]:
    if isinstance(value, torch.device):
        return []
    if isinstance(value, torch.Tensor):
        content = torch.cat([value.detach().cpu().flatten()]).view(torch.uint8).numpy()  # strides of its own
        return [str(value.dtype), tuple(value.shape), content.tobytes()]
    return [str(value.dtype), value.shape, value.tobytes()]


def _inside_container(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [part for key in sorted(value, key=fingerprint) for part in (key, value[key])]
    return sorted(map(fingerprint, value)) if isinstance(value, (set, frozenset)) else list(value)


def _inside_network(value: nn.Module) -> list[Any]:
    if isinstance(value, torch.jit.ScriptModule):
        return [dict(value.state_dict()), str(value.inlined_graph)]
    program = value.code if isinstance(value, torch.fx.GraphModule) else None
    return [_attributes(value, NOT_ITS_OWN), value._parameters, value._buffers, value._modules, program]


def _inside_callable(value: Any) -> list[Any]:
    """Of functions and classes, which are known by their names, and by their code where others may have the name."""
    match value:
        case functools.partial():
            return [value.func, value.args, value.keywords]
        case types.MethodType():
            return [value.__func__, value.__self__]
        case types.FunctionType():
            held = [cell.cell_contents for cell in value.__closure__ or ()]
            return [value.__module__, value.__qualname__, value.__code__, value.__defaults__, held]
        case types.CodeType():
            return [value.co_code, value.co_consts, value.co_names]
        case type() | types.BuiltinFunctionType():
            return [value.__module__, value.__qualname__]
    return []


def _attributes(value: Any, but: Collection[str] = ()) -> dict[str, Any]:
    """Public ones, and private ones that hold networks; none of what was written in C."""
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    found = {name: getattr(value, name) for name in slots if hasattr(value, name)} | getattr(value, "__dict__", {})
    return {n: v for n, v in found.items() if n not in but and (not n.startswith("_") or _holds_networks(v))}


def _holds_networks(value: Any) -> bool:
    held = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
    return any(isinstance(item, nn.Module) for item in held)


def file_fingerprint(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal; of a folder, that of its files' names and hashes."""
    if Path(path).is_dir():
        parts = [f"{file.name} {file_fingerprint(file)}" for file in sorted(Path(path).iterdir()) if file.is_file()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
