"""Files that appear whole or not at all."""

import json
import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_whole(file: Path, write: Callable[[Path], Any]) -> None:
    """Write beside the file and rename, so that a killed process or a full disk leaves no torn file.

    A link that stands there is replaced, and what it points to stays as it is.
    """
    beside = file.with_name(f".{file.name}.{os.getpid()}.partial")
    beside.unlink(missing_ok=True)
    try:
        write(beside)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def metadata(data: bytes) -> dict[str, str]:
    """The words in a safetensors file, which ``safetensors.torch.load`` leaves out: part of a header of given length.

    Raises:
        struct.error, ValueError, KeyError, TypeError: there are none.
    """
    (length,) = struct.unpack_from("<Q", data)
    return json.loads(data[8 : 8 + length])["__metadata__"]


def write_json(file: Path, value: Any) -> None:
    """As text that people can read; numbers that are not finite become null, bytes that are no UTF-8 ``\\udc…``."""
    text = json.dumps(finite(value), indent=2, ensure_ascii=False)
    write_whole(file, lambda f: f.write_bytes(text.encode("utf-8", "backslashreplace")))


def finite(value: Any) -> Any:
    """The same with NaN and infinities as null: JSON has no word for them."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
