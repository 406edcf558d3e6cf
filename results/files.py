"""Files that appear whole or not at all."""

import json
import math
import os
import struct
from pathlib import Path
from typing import Any

from networks.files import write_atomically


def sweep(folder: Path) -> None:
    """Remove what processes of this machine that were killed while they wrote have left in a folder."""
    for beside in folder.glob(".*.partial"):
        number = beside.name.split(".")[-2]
        if number.isdigit() and not _runs(int(number)):
            beside.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        pass
    return True


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
    write_atomically(file, lambda f: f.write_bytes(text.encode("utf-8", "backslashreplace")))


def finite(value: Any) -> Any:
    """The same with NaN and infinities as null: JSON has no word for them."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
