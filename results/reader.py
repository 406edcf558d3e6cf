"""A finished run's folder, opened for reading."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from networks.errors import InputError
from results.consistency import problems_with, read_summary, read_table, read_tensors
from results.generation import COMPLETE, MANIFEST, Manifest
from results.naming import class_name, column
from results.summary import FORMAT

#: what every finished run has left
FILES = ("summary.json", "counterfactuals.parquet", "counterfactuals.safetensors")
NEIGHBOURS = "neighbours.safetensors"
ATTRIBUTIONS = "attributions.safetensors"
MOST_PROBLEMS = 3


class Results:
    """Table, summary and tensors of one run; tensors are read when they are asked for.

    Args:
        folder: ``trainer.default_root_dir`` of an explain run.
        class_names: empty for values; None takes the summary's, and in folders older than those the
            classes' indices.

    Attributes:
        summary: ``summary.json``.
        table: one row a search.
        age: a sentence where the folder is of an older version's format, else "".
        names: of the results: "" is the chart's, then the compared methods', last ``control``.

    Raises:
        InputError: no such folder, the run in it is not finished, it is of a newer version, or its files are damaged
            or not of one run.
    """

    def __init__(self, folder: Path, class_names: list[str] | None = None) -> None:
        check_finished(folder)
        self.folder, self.manifest = folder, Manifest.read(folder)
        if self.manifest is not None:
            self.manifest.check(folder, [*FILES, NEIGHBOURS, ATTRIBUTIONS, *self._figure_names()])
        self.summary: dict[str, Any] = read_summary(folder / FILES[0])
        self.age = age_of(self.summary, folder)
        self.table = read_table(folder / FILES[1])
        self.tensors = read_tensors(folder / FILES[2])
        control = ["control"] if "control" in self.summary or "control_status" in self.table else []
        self.names = ["", *self.summary.get("others", {}), *control]
        given = self.summary.get("class_names") if class_names is None else class_names
        self.class_names = _indices(self.table) if given is None else given
        if problems := list(islice(problems_with(self), MOST_PROBLEMS)):
            raise InputError(
                f"{str(folder)!r} {', and '.join(problems)}. Put the run's own files back, or run the search again"
            )

    def _figure_names(self) -> list[str]:
        """Pictures that callbacks have left; without a manifest whatever lies there."""
        if self.manifest is None:
            return [f"figures/{file.name}" for file in sorted((self.folder / "figures").glob("*.png"))]
        return sorted(n for n in self.manifest.files if n.startswith("figures/") and n.endswith(".png"))

    def figures(self) -> list[Path]:
        """Pictures that callbacks of this run have left for the report."""
        return [self.folder / name for name in self._figure_names() if (self.folder / name).is_file()]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.tensors.get_slice("x").get_shape()[1:])

    @property
    def confidence_is(self) -> str:
        """What searches had to reach; older summaries do not say."""
        usual = "probability" if self.class_names else "distance beyond the goal"
        return str(self.summary.get("confidence_is", usual))

    @property
    def images(self) -> bool:
        """Whether the samples are pictures."""
        return len(self.shape) == 3

    def has(self, tensor: str) -> bool:
        return tensor in self.tensors.keys()  # noqa: SIM118  # no mapping

    def tensor(self, name: str) -> Tensor:
        return self.tensors.get_tensor(name)

    def part(self, name: str, start: int, stop: int) -> Tensor:
        """Rows start … stop − 1 of a tensor, without reading the others."""
        return self.tensors.get_slice(name)[start:stop]

    def values(self, result: str, name: str) -> pd.Series | None:
        """A column; None where it is absent or empty."""
        full = column(result, name)
        return self.table[full] if full in self.table and self.table[full].notna().any() else None

    def flipped(self, result: str) -> np.ndarray:
        """Which rows are counterfactuals, N bool."""
        return (self.table[column(result, "status")] == "flipped").to_numpy()

    def oracles(self) -> list[str]:
        return [c.removeprefix("oracle_") for c in map(str, self.table) if c.startswith("oracle_")]

    def pairs(self) -> Iterator[tuple[str, np.ndarray]]:
        """Source → target, and its flipped rows, the most frequent pair first; nothing for values."""
        flipped = self.table.reset_index(drop=True)[self.flipped("")]
        groups: dict[Any, Any] = flipped.groupby(["source", "target"]).groups if self.class_names else {}
        for (source, target), rows in sorted(groups.items(), key=lambda item: -len(item[1])):
            yield f"{self.name_of(source)} → {self.name_of(target)}", rows.to_numpy(copy=True)

    def name_of(self, value: float) -> str:
        """Of a class; a value where there are no classes."""
        if pd.isna(value):
            return "–"
        return class_name(self.class_names, value)


def age_of(summary: dict[str, Any], folder: Path) -> str:
    """What to say of a folder in an older format, whose numbers may have other names or be missing; "" of today's.

    Raises:
        InputError: a newer version has written it.
    """
    written = summary.get("format", 1)
    if written > FORMAT:
        raise InputError(
            f"{str(folder)!r} was written by a newer OnManifold, in format {written}; this one reads up to {FORMAT}: "
            "update it"
        )
    by = summary.get("provenance", {}).get("versions", {}).get("onmanifold")
    if written == FORMAT:
        return ""
    return (
        f"written by an older OnManifold{f' ({by})' if by else ''}, in format {written} instead of {FORMAT}: some "
        "numbers have other names or are missing; run the search again to have them all"
    )


def check_finished(folder: Path) -> None:
    """Raises InputError, which says what is missing and what to do."""
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}: give the folder of a finished run (its trainer.default_root_dir)")
    if (folder / COMPLETE / MANIFEST).is_file():
        raise InputError(
            f"{str(folder)!r} holds a run that was killed while its files were moved into place: "
            f"python explain.py report {folder} finishes that"
        )
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        state = "an unfinished run" if (folder / "shards").is_dir() else "no finished run"
        raise InputError(
            f"{str(folder)!r} holds {state} ({', '.join(missing)} missing): finish it with its own command, "
            "python explain.py --config …, then build its report"
        )


def _indices(table: pd.DataFrame) -> list[str]:
    """Names for classes that have none; no names where targets are values."""
    shared = ("label", "source", "target")
    roles = [c for c in map(str, table) if c in shared or "oracle_" in c or c.endswith("prediction")]
    if not pd.api.types.is_integer_dtype(table["target"]):
        return []
    return [str(i) for i in range(int(table[roles].max().max()) + 1)]
