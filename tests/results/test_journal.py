import errno
from pathlib import Path

import pytest
import torch

from counterfactuals import Ascent, PixelChart, explain
from counterfactuals.explanation import Explanation
from networks import InputError
from results import journal as module
from results.journal import HEADER, Damage, Journal, Record, pack, read_journal, unpack


@pytest.fixture
def record(linear_predictor) -> Record:
    """In pixels, where z is x; with a path and a row that fails."""
    x = torch.randn(3, 6)
    x[1, 0] = float("nan")
    cf = explain(linear_predictor, PixelChart([6]), x, 1, Ascent(max_steps=20, clip=None, keep_every=5))
    explanation = Explanation(
        "control",
        torch.tensor([3, 1, 2]),
        torch.tensor([0, 1, 0]),
        torch.zeros(3),
        cf,
        torch.rand(3),
        {"l2_z": torch.rand(3), "decodes": torch.rand(3), "a": torch.rand(3)},
    )
    return Record(explanation, torch.tensor([2**62, -5, 7]), "run", "stamp")


def same(given: Record | Damage, other: Record) -> bool:
    tensors = ("x", "z_prime", "counterfactual", "status", "path")
    assert isinstance(given, Record)
    a, b = given.explanation, other.explanation
    return (
        a.name == b.name
        and given[2:] == other[2:]
        and torch.equal(given.samples, other.samples)
        and a.counterfactuals.reasons == b.counterfactuals.reasons
        and torch.equal(a.index, b.index)
        and list(a.columns) == list(b.columns)
        and all(torch.equal(a.columns[name], b.columns[name]) for name in b.columns)
        and all(
            torch.equal(getattr(a.counterfactuals, t).nan_to_num(7), getattr(b.counterfactuals, t).nan_to_num(7))
            for t in tensors
        )
    )


def written(file: Path, *records: Record) -> bytes:
    journal = Journal(file)
    for record in records:
        journal.append(record)
    journal.close()
    return file.read_bytes()


def test_a_record_holds_everything(record: Record) -> None:
    reasons = record.explanation.counterfactuals.reasons
    assert same(unpack(pack(record)), record) and reasons[1] and not reasons[0]


def test_torn_at_any_byte_the_records_before_are_whole(record: Record, tmp_path: Path) -> None:
    data = written(tmp_path / "whole", record, record, record)
    length = len(data) // 3
    for end in (0, 5, length - 1, length, length + 3, 2 * length + 200, 3 * length):
        (tmp_path / "torn").write_bytes(data[:end])
        read = list(read_journal(tmp_path / "torn"))
        assert len(read) == end // length and all(same(r, record) for r in read)


def test_what_a_machine_without_power_leaves_costs_one_record(record: Record, tmp_path: Path) -> None:
    """A flipped bit anywhere, also in a header or its length; zeros, at the end or between."""
    data = written(tmp_path / "a", record)
    n = len(data)
    for byte in (0, 2, 5, 11, 14, HEADER.size, n // 2, n - 1):
        broken = bytearray(data)
        broken[byte] ^= 1
        (tmp_path / "b").write_bytes(data + broken + data + data)
        first, damage, *rest = read_journal(tmp_path / "b")
        assert damage == Damage(n, 2 * n) and [same(r, record) for r in (first, *rest)] == [True] * 3
    (tmp_path / "c").write_bytes(data + bytes(50))
    assert [same(r, record) for r in read_journal(tmp_path / "c")] == [True]
    (tmp_path / "d").write_bytes(bytes(50) + data)
    assert [type(r) for r in read_journal(tmp_path / "d")] == [Damage, Record]


def test_what_no_run_has_written_is_one_error(record: Record, tmp_path: Path) -> None:
    def crafted(data: bytes) -> bytes:
        return HEADER.pack(module.MARK, len(data), module.zlib.crc32(data)) + data

    shorter = record._replace(samples=record.samples[:2])
    for data in (
        b"{}",
        b"\0" * 30,
        pack(shorter),
        pack(record)[:-4],
        pack(record).replace(b"cf.z_prime", b"cf.z_prim_"),
    ):
        (tmp_path / "rank0-0.journal").write_bytes(crafted(data))
        with pytest.raises(InputError, match=r"rank0-0\.journal' holds a record that no run has written there"):
            list(read_journal(tmp_path / "rank0-0.journal"))


def test_a_full_disk_costs_one_record(record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "a")
    journal.append(record)

    def full(file, data: bytes) -> None:
        file.write(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(module, "_write_all", full)
        journal.append(record)
    journal.append(record)  # somebody made room
    assert len(list(read_journal(tmp_path / "a"))) == 2
