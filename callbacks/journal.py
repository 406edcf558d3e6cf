"""An append-only file of searches that have ended: what a killed run leaves."""

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors.torch import load, save
from torch import Tensor

from counterfactuals import Counterfactuals
from lightning_modules import Explanation

HEADER = struct.Struct("<4sQI")  # mark, length and CRC-32 of the record that follows
MARK = b"CFJ2"  # zeros, which a machine without power leaves, would pass for an empty record


class Journal:
    """Appends explanations to a file; a record is whole on disk when ``append`` returns.

    A process that is killed in the middle of a record, or a full disk, costs that record alone:
    ``read_journal`` stops before it.

    Args:
        file: must not exist.
    """

    def __init__(self, file: Path) -> None:
        self.file: BinaryIO = file.open("xb", buffering=0)

    def append(self, explanation: Explanation) -> None:
        """Add searches of one result.

        Raises:
            OSError: the disk is full, say; what was written before stays readable.
        """
        record = pack(explanation)
        end = self.file.tell()
        try:
            _write_all(self.file, HEADER.pack(MARK, len(record), zlib.crc32(record)) + record)
        except OSError:
            self.file.seek(end)
            self.file.truncate()
            raise

    def close(self) -> None:
        self.file.close()


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def read_journal(file: Path) -> Iterator[Explanation]:
    """All whole records of a journal, in order."""
    with file.open("rb") as f:
        while len(header := f.read(HEADER.size)) == HEADER.size:
            mark, length, checksum = HEADER.unpack(header)
            record = f.read(length) if mark == MARK else b""
            if not record or len(record) < length or zlib.crc32(record) != checksum:
                return
            yield unpack(record)


def pack(explanation: Explanation) -> bytes:
    """One explanation as a safetensors file with its words in the metadata."""
    cf = explanation.counterfactuals
    tensors = {f"cf.{f.name}": v for f in fields(cf) if isinstance(v := getattr(cf, f.name), Tensor)}
    tensors |= {"index": explanation.index, "number": explanation.number}
    tensors |= {"y": explanation.y, "seconds": explanation.seconds}
    tensors |= {f"column.{name}": values for name, values in explanation.columns.items()}
    # Copies, because safetensors refuses tensors that share memory: in pixels z is x itself.
    copies = {name: t.clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    return save(copies, {"name": explanation.name, "reasons": json.dumps(cf.reasons)})


def unpack(record: bytes) -> Explanation:
    """What ``pack`` made."""
    tensors, words = load(record), _metadata(record)
    cf: dict[str, Any] = {k.removeprefix("cf."): v for k, v in tensors.items() if k.startswith("cf.")}
    return Explanation(
        name=words["name"],
        index=tensors["index"],
        number=tensors["number"],
        y=tensors["y"],
        counterfactuals=Counterfactuals(**cf, reasons=tuple(json.loads(words["reasons"]))),
        seconds=tensors["seconds"],
        columns={k.removeprefix("column."): v for k, v in tensors.items() if k.startswith("column.")},
    )


def _metadata(record: bytes) -> dict[str, str]:
    """``load`` leaves the metadata out; they stand in the JSON header, after its length in eight bytes."""
    (length,) = struct.unpack_from("<Q", record)
    return json.loads(record[8 : 8 + length])["__metadata__"]
