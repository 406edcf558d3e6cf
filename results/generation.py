"""A finished explain run's files: they appear together, or those of the run before stay.

They are written into a staging folder, a manifest of their sizes and hashes last. To rename that folder is what
finishes the run; its files are then moved into place one by one, by whichever process comes next if need be.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from networks.errors import InputError
from networks.files import write_atomically

STAGED, COMPLETE, MANIFEST = ".staged", ".complete", "manifest.json"
REPORT = "report.html"
FOLDERS = ("shards", "figures", "tangents", STAGED, COMPLETE)
FIGURES = (
    *("examples", "mean_change", "relaxation", "relaxation_shares", "dose_strips", "dose_curve", "oracles"),
    *("neighbours", "steps", "spectrum", "distances", "path", "heads", "trajectories", "tangent_directions"),
)
#: what runs have left that kept no manifest
KNOWN = (
    *("summary.json", "counterfactuals.parquet", "counterfactuals.safetensors", "neighbours.safetensors"),
    "attributions.safetensors",
    *(f"figures/{name}.{kind}" for name in FIGURES for kind in ("png", "pdf", "gif")),
    *("tangents/explained.pt", "tangents/explained.png"),
)


@dataclass(frozen=True)
class Manifest:
    """What one finished run has left.

    Attributes:
        run: which run; the same as in its journals' ``run.json``.
        files: name below the folder → size in bytes, SHA-256.
        report: names of what the report consists of, which is made of these files and may be made again.
    """

    run: str
    files: dict[str, tuple[int, str]]
    report: tuple[str, ...] = ()

    @staticmethod
    def read(folder: Path) -> "Manifest | None":
        """The folder's; ``None`` where there is none, as in folders of older versions.

        Raises:
            InputError: it is damaged, or names files outside of the folder.
        """
        file = folder / MANIFEST
        if not file.is_file():
            return None
        try:
            given = json.loads(file.read_bytes())
            files = {name: (int(size), str(digest)) for name, (size, digest) in given["files"].items()}
            manifest = Manifest(str(given["run"]), files, tuple(map(str, given["report"])))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{str(file)!r} is damaged: delete it where you trust the other files, or run the search again"
            ) from error
        outside = [name for name in (*manifest.files, *manifest.report) if not _inside(folder, name)]
        if outside:
            raise InputError(f"{str(file)!r} names {outside[0]!r}, which is not in that folder: do not trust it")
        return manifest

    def write(self, folder: Path) -> None:
        write_atomically(folder / MANIFEST, lambda file: file.write_text(json.dumps(asdict(self), indent=2)))

    def check(self, folder: Path, names: Iterable[str]) -> None:
        """Compare those of the named files that the manifest lists and that are there.

        Raises:
            InputError: one is not as its run has left it.
        """
        for name in names:
            file = folder / name
            if name in self.files and file.is_file() and _entry(file) != self.files[name]:
                raise InputError(
                    f"{str(file)!r} is not what its run has left: it was changed, is damaged, or belongs to another "
                    "run. Put the right one back, or run the search again"
                )


def begin(folder: Path) -> Path:
    """Finish what a killed run has left half moved, and make an empty staging folder.

    Raises:
        InputError: as ``settle`` does.
    """
    settle(folder)
    staged = folder / STAGED
    _wipe(staged)
    staged.mkdir(parents=True)
    return staged


def abandon(folder: Path) -> None:
    """Remove what was staged by a run that ends without results."""
    _wipe(folder / STAGED)


def commit(folder: Path, run: str) -> None:
    """Make what lies in the staging folder the folder's results; the run is finished when the rename is.

    Args:
        run: which run they are of.
    """
    staged = folder / STAGED
    names = sorted(str(f.relative_to(staged)) for f in staged.rglob("*") if f.is_file())
    Manifest(run, {name: _entry(staged / name, sync=True) for name in names}).write(staged)
    _entry(staged / MANIFEST, sync=True)
    staged.rename(folder / COMPLETE)
    settle(folder)


def settle(folder: Path) -> None:
    """Move the files of a finished run into place and remove those of the one before; may be killed and repeated.

    Files that no run has left are never touched, and nothing is written or removed through a link.

    Raises:
        InputError: a link or a file stands where a folder should, or a folder where a file should.
    """
    _check_places(folder)
    complete = folder / COMPLETE
    if complete.is_dir() and (manifest := Manifest.read(complete)) is not None:
        for name in _left_by_runs(folder) - set(manifest.files):
            _remove(folder, name)
        for name in manifest.files:
            if (complete / name).is_file():
                _move(complete / name, folder / name)
        _move(complete / MANIFEST, folder / MANIFEST)
    _wipe(complete)
    for partial in [*folder.glob(".*.partial"), *folder.glob("figures/.*.partial")]:
        _remove(folder, str(partial.relative_to(folder)))


def forget_report(folder: Path) -> None:
    """Remove what the last report consists of, but for its page, which stays until the next one replaces it."""
    if (manifest := Manifest.read(folder)) is not None:
        for name in set(manifest.report) - {REPORT, *manifest.files}:
            _remove(folder, name)


def record_report(folder: Path, names: Iterable[str]) -> None:
    """Note what the report consists of."""
    if (manifest := Manifest.read(folder)) is not None:
        replace(manifest, report=tuple(names)).write(folder)


def files_of(folder: Path) -> list[Path]:
    """All files of the finished run, its report's included; of a run without a manifest, those that are known."""
    if (manifest := Manifest.read(folder)) is None:
        names = [*KNOWN, "config.yaml", REPORT]
    else:
        names = [*manifest.files, *manifest.report]
    return [folder / name for name in dict.fromkeys(names) if (folder / name).is_file()]


def is_of(folder: Path, run: str) -> bool:
    """Whether results and report of this very run stand in the folder."""
    try:
        manifest = Manifest.read(folder)
    except InputError:
        return False
    return manifest is not None and manifest.run == run and (folder / REPORT).is_file()


def _left_by_runs(folder: Path) -> set[str]:
    try:
        manifest = Manifest.read(folder)
    except InputError:
        manifest = None
    listed = set() if manifest is None else {*manifest.files, *manifest.report}
    return {REPORT, *KNOWN, *listed}


def _check_places(folder: Path) -> None:
    for name in FOLDERS:
        path = folder / name
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            kind = "a symbolic link" if path.is_symlink() else "a file"
            raise InputError(f"{str(path)!r} is {kind}, and a run makes a folder of its own there: move it away")
    for name in (REPORT, MANIFEST, *KNOWN):
        if (folder / name).is_dir() and not (folder / name).is_symlink():
            raise InputError(f"{str(folder / name)!r} is a folder, and a run writes a file there: move it away")


def _inside(folder: Path, name: str) -> bool:
    """Whether a name stays below the folder, also by the links that there are."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        return False
    return not any((folder / parent).is_symlink() for parent in path.parents if parent.parts)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)


def _remove(folder: Path, name: str) -> None:
    file = folder / name
    if _inside(folder, name) and (file.is_symlink() or file.is_file()):
        file.unlink()


def _wipe(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)


def _entry(file: Path, sync: bool = False) -> tuple[int, str]:
    """Size and SHA-256; with ``sync``, once the file is on the disk itself."""
    with file.open("rb") as f:
        if sync:
            os.fsync(f.fileno())
        return os.fstat(f.fileno()).st_size, hashlib.file_digest(f, "sha256").hexdigest()
