from importlib.metadata import version
from pathlib import Path

import torch

from counterfactuals.memory import most_memory
from results.provenance import fingerprints, provenance, version_of


def test_names_versions_and_hashes(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(b"abc")
    checkpoints = {"chart": str(tmp_path / "a.ckpt")}
    hashes = fingerprints(checkpoints)
    (tmp_path / "a.ckpt").unlink()  # as somebody may while a run goes on
    found = provenance(checkpoints, hashes, torch.device("cpu"), 61.0)
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of b"abc"
    assert found["checkpoints"]["chart"] == f"{tmp_path / 'a.ckpt'} sha256:{sha256}"
    assert found["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert "onmanifold" in found["versions"]
    assert found["arithmetic"] == {"device": "cpu", "type": "float32"}
    assert found["cost"] == {"time": "61 s", **most_memory(torch.device("cpu"))}


def test_our_own_folder_need_not_be_installed() -> None:
    """It is asked for after all searches: whoever runs from the folder must not lose them."""
    assert version_of("torch") == version("torch") and version_of("no-such-package") == "not installed"
