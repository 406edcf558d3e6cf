from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

from callbacks.tracking.artifacts import artifact_name, folder_artifact, log_input, model_artifact


def test_the_same_bytes_are_the_same_version(tmp_path: Path) -> None:
    """W&B tells versions apart by name and digest."""
    for folder in ("digits", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "best.ckpt").write_bytes(b"weights")
    (tmp_path / "digits/last.ckpt").write_bytes(b"weights")
    (tmp_path / "digits/vit.ckpt").write_bytes(b"others")
    best, last, vit, other = (
        model_artifact(tmp_path / f)
        for f in ("digits/best.ckpt", "digits/last.ckpt", "digits/vit.ckpt", "other/best.ckpt")
    )
    assert best.type == "model" and best.metadata["sha256"] == sha256(b"weights").hexdigest()
    assert (
        (best.name, best.digest)
        == (last.name, last.digest)
        == (artifact_name("model", tmp_path / "digits"), best.digest)
    )
    assert vit.name == best.name + "-vit" and vit.digest != best.digest and other.name != best.name
    (entry,) = best.manifest.entries.values()
    assert entry.ref == (tmp_path / "digits/best.ckpt").as_uri() and entry.local_path is None and entry.size == 7


def test_names_are_what_wandb_allows(tmp_path: Path) -> None:
    assert artifact_name("report", Path("/home/me/my runs/größe 4→9")) == "report-my-runs-gr--e-4-9"
    assert artifact_name("model", Path("/")) == "model--"
    assert len(artifact_name("model", tmp_path / ("x" * 200))) == 128


def test_large_files_are_referenced(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    small, large = tmp_path / "figures/a.png", tmp_path / "b.safetensors"
    small.write_bytes(b"12")
    large.write_bytes(b"123")
    entries = folder_artifact("e", "explanation", tmp_path, [small, large], max_upload=2).manifest.entries
    assert entries["figures/a.png"].ref is None and entries["b.safetensors"].ref == large.as_uri()
    assert Path(entries["figures/a.png"].local_path) != small, (
        "a copy, for a later run may replace the file before it is sent"
    )


def test_an_input_is_recorded_with_and_without_a_server() -> None:
    calls: list[tuple] = []
    run = SimpleNamespace(
        offline=False,
        use_artifact=lambda artifact: calls.append(("online", artifact)),
        _log_artifact=lambda artifact, **how: calls.append(("offline", artifact, how)),
    )
    log_input(run, "artifact")
    run.offline = True
    log_input(run, "artifact")
    how = {"is_user_created": True, "use_after_commit": True}  # what use_artifact itself asks for
    assert calls == [("online", "artifact"), ("offline", "artifact", how)]
