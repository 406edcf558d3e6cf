"""An append-only file of searches that have ended: what a killed run leaves."""

import json
import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from counterfactuals import Counterfactuals
from counterfactuals.explanation import Explanation
from networks.errors import InputError
from results.files import metadata

HEADER = struct.Struct("<4sQI")  # mark, length and CRC-32 of the record that follows
MARK = b"CFJ4"  # zeros, which a machine without power leaves, would pass for an empty record


class Record(NamedTuple):
    """Searches of one result that ended together, and what they belong to.

    Attributes:
        samples: what is in the sample of each search, n int64 (``Samples.keys``).
        run: whose journal it is in.
        stamp: what its measurements and positions depend on besides.
    """

    explanation: Explanation
    samples: Tensor
    run: str
    stamp: str


class Journal:
    """Appends records to a file; a record is whole on disk when ``append`` returns.

    A process that is killed in the middle of a record, or a full disk, costs that record alone:
    ``read_journal`` leaves it out.

    Args:
        file: must not exist.
    """

    def __init__(self, file: Path) -> None:
        self.file: BinaryIO = file.open("xb", buffering=0)

    def append(self, record: Record) -> None:
        """Add searches of one result.

        Raises:
            OSError: the disk is full, say; what was written before stays readable.
        """
        data = pack(record)
        end = self.file.tell()
        try:
            _write_all(self.file, HEADER.pack(MARK, len(data), zlib.crc32(data)) + data)
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


class Damage(NamedTuple):
    """A stretch of a journal that holds no whole record, and has whole ones behind it."""

    start: int
    end: int


def read_journal(file: Path) -> Iterator[Record | Damage]:
    """All whole records of a journal in order, and where something else lies between them.

    A torn record at the end is what a killed process leaves, and no damage.
    """
    with file.open("rb") as f:
        if not f.seek(0, 2):
            return
        with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
            at = read = 0
            while at >= 0:
                if (record := _record_at(data, at)) is None:
                    at = data.find(MARK, at + 1)  # a mark inside a tensor has no record behind it either
                    continue
                if at > read:
                    yield Damage(read, at)
                yield _unpacked(record, file)
                at = read = at + HEADER.size + len(record)


def _record_at(data: mmap.mmap, start: int) -> bytes | None:
    header = data[start : start + HEADER.size]
    if len(header) < HEADER.size:
        return None
    mark, length, checksum = HEADER.unpack(header)
    begin = start + HEADER.size
    if mark != MARK or not 0 < length <= len(data) - begin:
        return None
    record = data[begin : begin + length]
    return record if zlib.crc32(record) == checksum else None


def _unpacked(data: bytes, file: Path) -> Record:
    try:
        record = unpack(data)
        if _fits(record):
            return record
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError):
        pass
    raise InputError(f"{str(file)!r} holds a record that no run has written there: move the file away")


def _fits(record: Record) -> bool:
    """Whether all values are there for all searches."""
    explanation, cf = record.explanation, record.explanation.counterfactuals
    own = (getattr(cf, f.name) for f in fields(cf) if f.name != "reasons")
    more = explanation.index, explanation.number, explanation.y, explanation.seconds, record.samples
    lengths = {len(t) for t in (*own, *more, *explanation.columns.values()) if t is not None}
    return lengths == {len(cf.reasons)}


def pack(record: Record) -> bytes:
    """One record as a safetensors file with its words in the metadata."""
    explanation, cf = record.explanation, record.explanation.counterfactuals
    tensors = {f"cf.{f.name}": v for f in fields(cf) if isinstance(v := getattr(cf, f.name), Tensor)}
    tensors |= {"index": explanation.index, "number": explanation.number, "samples": record.samples}
    tensors |= {"y": explanation.y, "seconds": explanation.seconds}
    tensors |= {f"column.{name}": values for name, values in explanation.columns.items()}
    # Copies, because safetensors refuses tensors that share memory: in pixels z is x itself.
    copies = {name: t.clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    words = {"name": explanation.name, "reasons": json.dumps(cf.reasons), "run": record.run, "stamp": record.stamp}
    return save(copies, {**words, "columns": json.dumps(list(explanation.columns))})


def unpack(data: bytes) -> Record:
    """What ``pack`` made."""
    tensors, words = load(data), metadata(data)
    cf: dict[str, Any] = {k.removeprefix("cf."): v for k, v in tensors.items() if k.startswith("cf.")}
    explanation = Explanation(
        name=words["name"],
        index=tensors["index"],
        number=tensors["number"],
        y=tensors["y"],
        counterfactuals=Counterfactuals(**cf, reasons=tuple(json.loads(words["reasons"]))),
        seconds=tensors["seconds"],
        # in the order in which they were measured, which is the table's: a continued run's is that of one go
        columns={name: tensors[f"column.{name}"] for name in json.loads(words["columns"])},
    )
    return Record(explanation, tensors["samples"], words["run"], words["stamp"])
