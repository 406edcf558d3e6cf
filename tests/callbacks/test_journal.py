import errno
from pathlib import Path

import pytest
import torch

from callbacks import journal as module
from callbacks.journal import Journal, pack, read_journal, unpack
from counterfactuals import Ascent, PixelChart, explain
from lightning_modules import Explanation


@pytest.fixture
def explanation(linear_predictor) -> Explanation:
    """In pixels, where z is x; with a path and a row that fails."""
    x = torch.randn(3, 6)
    x[1, 0] = float("nan")
    cf = explain(linear_predictor, PixelChart([6]), x, 1, Ascent(max_steps=20, clip=None, keep_every=5))
    return Explanation(
        "control",
        torch.tensor([3, 1, 2]),
        torch.tensor([0, 1, 0]),
        torch.zeros(3),
        cf,
        torch.rand(3),
        {"l2_z": torch.rand(3)},
    )


def same(a: Explanation, b: Explanation) -> bool:
    tensors = ("x", "z_prime", "counterfactual", "status", "path")
    return (
        a.name == b.name
        and a.counterfactuals.reasons == b.counterfactuals.reasons
        and torch.equal(a.index, b.index)
        and torch.equal(a.columns["l2_z"], b.columns["l2_z"])
        and all(
            torch.equal(getattr(a.counterfactuals, t).nan_to_num(7), getattr(b.counterfactuals, t).nan_to_num(7))
            for t in tensors
        )
    )


def test_a_record_holds_everything(explanation: Explanation) -> None:
    assert same(unpack(pack(explanation)), explanation)
    assert explanation.counterfactuals.reasons[1] and not explanation.counterfactuals.reasons[0]


def test_torn_at_any_byte_the_records_before_are_whole(explanation: Explanation, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "whole")
    for _ in range(3):
        journal.append(explanation)
    data = (tmp_path / "whole").read_bytes()
    record = len(data) // 3
    for end in (0, 5, record - 1, record, record + 3, 2 * record + 200, 3 * record):
        (tmp_path / "torn").write_bytes(data[:end])
        read = list(read_journal(tmp_path / "torn"))
        assert len(read) == end // record and all(same(r, explanation) for r in read)


def test_a_record_of_zeros_or_with_a_flipped_bit_ends_the_journal(explanation: Explanation, tmp_path: Path) -> None:
    """What a machine that lost power leaves."""
    journal = Journal(tmp_path / "a")
    journal.append(explanation)
    data = (tmp_path / "a").read_bytes()
    broken = bytearray(data)
    broken[len(data) // 2] ^= 1
    (tmp_path / "b").write_bytes(data + broken + data)
    (tmp_path / "c").write_bytes(data + bytes(50))
    assert len(list(read_journal(tmp_path / "b"))) == len(list(read_journal(tmp_path / "c"))) == 1


def test_a_full_disk_costs_one_record(
    explanation: Explanation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "a")
    journal.append(explanation)

    def full(file, data: bytes) -> None:
        file.write(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(module, "_write_all", full)
        journal.append(explanation)
    journal.append(explanation)  # somebody made room
    assert len(list(read_journal(tmp_path / "a"))) == 2
