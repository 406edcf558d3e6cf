"""Reading W&B's offline file, whose format is not documented; nothing else in the tests knows it."""

import json
import struct
import time
from pathlib import Path
from typing import Any

BLOCK = 32 * 1024


def records(file: Path) -> list[Any]:
    """All records: LevelDB's log format (32 KiB blocks; crc, length, type) after a 7-byte header."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, position, partial, found = file.read_bytes(), 7, b"", []
    while position + 7 <= len(data):
        left = BLOCK - position % BLOCK
        if left < 7:
            position += left
            continue
        _, length, kind = struct.unpack("<IHB", data[position : position + 7])
        partial += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or its last part
            found.append(Record.FromString(partial))
            partial = b""
    return found


def finished(file: Path, seconds: float = 20) -> list[Any]:
    """The records once the last one is there: ``wandb.finish`` returns while W&B's service still writes."""
    from google.protobuf.message import DecodeError

    for _ in range(int(seconds * 10)):
        try:
            found = records(file)
        except DecodeError:
            found = []
        if any(r.WhichOneof("record_type") == "exit" for r in found):
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{file} is not complete after {seconds} s")


def history(folder: Path) -> dict[str, list[Any]]:
    """Every value logged in the one offline run below ``folder``, by its key."""
    (file,) = folder.rglob("*.wandb")
    values: dict[str, list[Any]] = {}
    for record in finished(file):
        for item in record.history.item:
            key = item.key or ".".join(item.nested_key)
            values.setdefault(key, []).append(json.loads(item.value_json))
    return values
