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


def finished(folder: Path, seconds: float = 60) -> list[Any]:
    """The records of the one offline run below ``folder``, once the last one is there.

    ``wandb.finish`` returns while W&B's service still writes.
    """
    from google.protobuf.message import DecodeError

    for _ in range(int(seconds * 10)):
        try:
            found = [records(file) for file in folder.rglob("*.wandb")]
        except DecodeError:
            found = []
        assert len(found) <= 1, "one run alone"
        if found and any(r.WhichOneof("record_type") == "exit" for r in found[0]):
            return found[0]
        time.sleep(0.1)
    raise TimeoutError(f"the run in {folder} is not complete after {seconds} s")


def history(folder: Path) -> dict[str, list[Any]]:
    """Every value logged in the one offline run below ``folder``, by its key."""
    values: dict[str, list[Any]] = {}
    for record in finished(folder):
        for item in record.history.item:
            key = item.key or ".".join(item.nested_key)
            values.setdefault(key, []).append(json.loads(item.value_json))
    return values


def artifacts(folder: Path) -> dict[str, Any]:
    """The artifact records of the one offline run below ``folder`` by name, without those of W&B's own tables.

    ``use_after_commit`` tells what the run used from what it made.
    """
    found = [r.artifact for r in finished(folder) if r.WhichOneof("record_type") == "artifact"]
    return {a.name: a for a in found if a.type != "run_table"}


def table(folder: Path, key: str) -> tuple[list[dict[str, Any]], dict[str, Path]]:
    """Rows of a logged table, and where its pictures lie: path inside the table's artifact → file to be uploaded."""
    found = [r.artifact for r in finished(folder) if r.WhichOneof("record_type") == "artifact"]
    (files,) = [
        f for a in found if f"{key}.table.json" in (f := {e.path: Path(e.local_path) for e in a.manifest.contents})
    ]
    content = json.loads(files[f"{key}.table.json"].read_text())
    return [dict(zip(content["columns"], row, strict=True)) for row in content["data"]], files


def config(folder: Path) -> dict[str, Any]:
    """The config of the one offline run below ``folder``, top keys alone."""
    updates = [u for r in finished(folder) if r.WhichOneof("record_type") == "config" for u in r.config.update]
    return {u.key: json.loads(u.value_json) for u in updates if u.key}
