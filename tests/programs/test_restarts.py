"""Jobs that are started again."""

import os
from pathlib import Path

import pytest

from networks.errors import InputError
from restarts import go_on_from, is_first, take_a_fresh_store


def touch(file: Path, seconds: float) -> Path:
    file.touch()
    os.utime(file, (1e9 + seconds, 1e9 + seconds))
    return file


@pytest.mark.parametrize("count", ["TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT"])
def test_only_its_own_checkpoint(tmp_path: Path, count: str, capsys: pytest.CaptureFixture) -> None:
    assert go_on_from(tmp_path, {}) is None and not list(tmp_path.iterdir()), "nobody restarts what a user has typed"
    last = touch(tmp_path / "last.ckpt", 0)
    assert go_on_from(tmp_path, {count: "0", "RANK": "1"}) is None and not (tmp_path / ".started").exists()
    assert go_on_from(tmp_path, {count: "0"}) is None and (tmp_path / ".started").exists()
    touch(tmp_path / ".started", 10)
    assert go_on_from(tmp_path, {count: "1"}) is None, "it died before its first checkpoint; this one is another's"
    touch(last, 20)
    assert go_on_from(tmp_path, {count: "1", "RANK": "3"}) == str(last) and not capsys.readouterr().out
    assert go_on_from(tmp_path, {count: "2", "RANK": "0"}) == str(last)
    assert capsys.readouterr().out == f"Started again: going on from {last}\n"


def test_a_job_that_slurm_requeues_goes_on_from_what_was_saved_last(tmp_path: Path) -> None:
    """SLURM counts from the first restart on."""
    job = {"SLURM_JOB_ID": "7"}
    assert go_on_from(tmp_path, job) is None
    touch(tmp_path / ".started", 10)
    last, saved = touch(tmp_path / "last.ckpt", 20), touch(tmp_path / "hpc_ckpt_1.ckpt", 30)
    again = {**job, "SLURM_RESTART_COUNT": "1"}
    assert go_on_from(tmp_path, again) == str(saved)
    touch(last, 40)
    assert go_on_from(tmp_path, again) == str(last)
    with pytest.raises(InputError, match=r"hpc_ckpt_1.ckpt is of an earlier SLURM job: pass --ckpt_path hpc"):
        go_on_from(tmp_path, job)


@pytest.mark.parametrize(
    "environment, first",
    [
        ({}, True),
        ({"RANK": "0", "LOCAL_RANK": "0", "SLURM_PROCID": "1"}, True),  # torchrun numbers by itself
        ({"RANK": "2", "LOCAL_RANK": "0", "SLURM_PROCID": "0"}, False),
        ({"SLURM_PROCID": "3"}, False),
        ({"LOCAL_RANK": "1"}, False),  # Lightning has started it
        ({"NODE_RANK": "1", "LOCAL_RANK": "0"}, False),
    ],
)
def test_who_is_rank_zero(environment: dict[str, str], first: bool) -> None:
    assert is_first(environment) == first


def test_a_store_without_the_addresses_of_the_dead() -> None:
    torchrun = {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_MAX_RESTARTS": "3", "MASTER_PORT": "29500"}
    for count, port in (("0", "29500"), ("2", "29502")):
        environment = {**torchrun, "TORCHELASTIC_RESTART_COUNT": count, "GROUP_WORLD_SIZE": "1"}
        take_a_fresh_store(environment)
        assert environment["MASTER_PORT"] == port
        assert (environment["TORCHELASTIC_USE_AGENT_STORE"] == "True") == (count == "0")
    nodes = {**torchrun, "TORCHELASTIC_RESTART_COUNT": "0", "GROUP_WORLD_SIZE": "4"}
    with pytest.raises(
        InputError, match=r"up to 3 times.*put TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 in front of torchrun"
    ):
        take_a_fresh_store(nodes)
    take_a_fresh_store({**nodes, "TORCHELASTIC_USE_AGENT_STORE": "False"})
    take_a_fresh_store({**nodes, "TORCHELASTIC_MAX_RESTARTS": "0"})
    take_a_fresh_store({})
