"""Whether table, tensors and summary of a folder are what a run leaves, and fit together.

What a report shows must be one run's. A folder may have been edited by hand, cut off, or come from a stranger.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_integer_dtype, is_numeric_dtype
from pyarrow import ArrowException
from safetensors import SafetensorError, safe_open
from torch import Tensor

from networks.errors import InputError
from results.meanings import COLUMNS, MEANINGS
from results.naming import column, scalar

STATUSES = ("flipped", "timeout", "failed", "already_target")
VERDICTS = ("green", "amber", "red")
CERTIFICATES = ("", *VERDICTS)
SHARED = ("index", "number", "label", "source", "target", "confidence_before")
OWN = ("status", "prediction", "confidence", "steps", "l2_x", "l2_z", "reason")  # of every result
WORDS = ("status", "reason", "certificate", "certificate_reasons")
#: shares that lie between 0 and 1
SHARES = {key for key, (_, form, _) in MEANINGS.items() if "%" in form} - {"oracle_share", "oracle_gain"}
CLOSE = 1e-6
LARGEST = 1e30

Check = Callable[[Any], bool]


class Opened(Protocol):
    """A folder that is open for reading: what ``results.reader.Results`` has."""

    folder: Path
    summary: dict[str, Any]
    table: pd.DataFrame
    tensors: Any
    names: list[str]
    class_names: list[str]

    @property
    def shape(self) -> tuple[int, ...]: ...

    def tensor(self, name: str) -> Tensor: ...

    def oracles(self) -> list[str]: ...


def unreadable(file: Path, error: Exception) -> InputError:
    """What to say of a file that is no summary, table or tensors."""
    words = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return InputError(f"{str(file)!r} is damaged or not a run's ({words}): put the right one back, or search again")


def read_summary(file: Path) -> dict[str, Any]:
    """``summary.json``, whose values are of the right types where a report uses them.

    Raises:
        InputError: it is damaged, or something in it is of another kind than a run writes.
    """
    try:
        summary = json.loads(file.read_bytes().decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(file, error) from error
    if not isinstance(summary, dict):
        raise unreadable(file, ValueError("it is no dictionary"))
    if wrong := next(_wrong_values(summary), None):
        raise unreadable(file, ValueError(f"it has a wrong value for {wrong}"))
    return summary


def _wrong_values(summary: dict[str, Any]) -> Iterator[str]:
    yield from (key for key, check in SUMMARY.items() if key in summary and not check(summary[key]))
    for name, numbers in _numbers_of(summary):
        checks = ((key, RESULT.get(key.partition("/")[0])) for key in numbers)  # of oracle_gain/NAME as of oracle_gain
        yield from (scalar(name, key) for key, check in checks if check is not None and not check(numbers[key]))


def read_table(file: Path) -> pd.DataFrame:
    """``counterfactuals.parquet``. Raises ``InputError`` where it is none."""
    try:
        table = pd.read_parquet(file).reset_index(drop=True)
    except (OSError, ValueError, TypeError, KeyError, NotImplementedError, ArrowException) as error:
        raise unreadable(file, error) from error
    return table.set_axis([str(name) for name in table], axis=1)


def read_tensors(file: Path) -> Any:
    """A file of tensors, opened. Raises ``InputError`` where it is none."""
    try:
        return safe_open(file, "pt")
    except (OSError, SafetensorError) as error:
        raise unreadable(file, error) from error


def problems_with(results: Opened) -> Iterator[str]:
    """What does not fit together, a clause each, the first of which may be why the others are there."""
    table, columns = results.table, set(map(str, results.table))
    if table.empty or len(columns) < len(table.columns):
        yield "has a table without searches, or with two columns of one name"
        return
    needed = [*SHARED[:-1], *(column(name, own) for name in results.names for own in OWN)]
    if missing := [name for name in needed if name not in columns]:
        yield f"has no column {', '.join(missing[:3])} in its table"
        return
    if wrong := [name for name in columns if not _right_type(table[name], results.names)]:
        yield f"has a column {sorted(wrong)[0]} of another kind than a run leaves"
        return
    if table.duplicated(["index", "number"]).any():
        yield "has searches in its table more than once"
    yield from _classes(results)
    yield from _tensors(results)
    yield from _neighbours(results)
    yield from _attributions(results)
    yield from _counts(results)


def _right_type(values: pd.Series, results: list[str]) -> bool:
    """Of a known column; others may hold anything."""
    name = str(values.name)
    own = next((name.removeprefix(f"{r}_") for r in results if r and name.startswith(f"{r}_")), name)
    if own in WORDS:
        allowed = {"status": STATUSES, "certificate": CERTIFICATES}.get(own)
        texts = values.dropna() if own != "status" else values
        return all(isinstance(v, str) for v in texts) and (allowed is None or bool(texts.isin(allowed).all()))
    if own in ("index", "number"):
        return is_integer_dtype(values) and bool((values >= 0).all())
    if own == "matched":
        return bool(is_bool_dtype(values))
    known = own in (*SHARED, *MEANINGS, *COLUMNS) or own.startswith(
        ("oracle_", "source_oracle_", "reconstruction_oracle_", "neighbour_", "p_r")
    )
    return not known or (is_numeric_dtype(values) and not is_bool_dtype(values) and values.dtype.kind in "iuf")


def _classes(results: Opened) -> Iterator[str]:
    """Every class has a name."""
    table, k = results.table, len(results.class_names)
    roles = ["label", "source", "target", *(column(name, "prediction") for name in results.names)]
    asked = (*_oracle_columns(results), "source_oracle_", "reconstruction_oracle_")
    roles += [c for c in map(str, table) if c.startswith(asked)]
    for role in roles if k else []:
        values = table[role].dropna()
        if ((values < 0) | (values >= k) | (values % 1 != 0)).any():
            yield f"has a class in column {role} that is none of the {k} whose names are known"
            return


def _oracle_columns(results: Opened) -> list[str]:
    return [column(name, f"oracle_{oracle}") for name in results.names for oracle in results.oracles()]


def _tensors(results: Opened) -> Iterator[str]:
    shapes = {name: results.tensors.get_slice(name).get_shape() for name in results.tensors.keys()}  # noqa: SIM118
    n = len(results.table)
    if missing := {"x", "counterfactual"} - set(shapes):
        yield f"has no {' and no '.join(sorted(missing))} among its tensors"
        return
    if other := [name for name, shape in shapes.items() if not shape or shape[0] != n]:
        yield f"has {n} rows in its table and {(shapes[other[0]] or [0])[0]} in the tensor {other[0]}"
        return
    images = {name: shape for name, shape in shapes.items() if name == "reconstruction" or "counterfactual" in name}
    if other := [name for name, shape in images.items() if shape != shapes["x"]]:
        yield f"has a tensor {other[0]} of another shape than x"
    if other := [n for n in ("x", *images) if not results.tensors.get_slice(n).get_dtype().startswith(("F", "BF"))]:
        yield f"has a tensor {other[0]} that is no image"
    if len(shapes["x"]) == 4 and (shapes["x"][1] not in (1, 3) or 0 in shapes["x"]):
        yield f"has images of {shapes['x'][1]} channels; a picture has 1 or 3"
    paths = [name for name in shapes if name == "path" or name.endswith("_path")]
    if other := [name for name in paths if [n, *shapes[name][2:]] != shapes["x"] or not shapes[name][1]]:
        yield f"has a tensor {other[0]} of another shape than x"
    for key in ("index", "target"):
        if key in shapes and not np.allclose(results.tensor(key).numpy(), results.table[key]):
            yield f"has another {key} in its table than in its tensors: they are of two runs"
            return


def _neighbours(results: Opened) -> Iterator[str]:
    file = results.folder / "neighbours.safetensors"
    if not file.is_file():
        return
    tensors = read_tensors(file)
    shapes = {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118
    positions, images = shapes.get("positions", []), shapes.get("images", [])
    same = len(positions) == 1 and images[:1] == positions and tuple(images[1:]) == results.shape
    if not same or tensors.get_slice("images").get_dtype() != "U8":
        yield "has neighbours.safetensors of another run or kind"


def _attributions(results: Opened) -> Iterator[str]:
    file = results.folder / "attributions.safetensors"
    if not file.is_file():
        return
    tensors = read_tensors(file)
    for name in tensors.keys():  # noqa: SIM118  # no mapping
        maps = tensors.get_slice(name)
        n, *size = maps.get_shape() or [0]
        if maps.get_dtype() != "U8" or tuple(size) != results.shape[1:] or n > len(results.table):
            yield "has attributions.safetensors of another run or kind"
            return


def _counts(results: Opened) -> Iterator[str]:
    """What the summary counts is what the table holds."""
    table, summary = results.table, results.summary
    if summary.get("n", len(table)) != len(table):
        yield f"has {len(table)} searches in its table and {summary['n']} in its summary: they are of two runs"
        return
    for name, numbers in _numbers_of(summary):
        status = table[column(name, "status")]
        searched = int((status != "already_target").sum())
        counts = {"timeout": int((status == "timeout").sum()), "failed": int((status == "failed").sum())}
        rate = int((status == "flipped").sum()) / searched if searched else None
        told = numbers.get("flip_rate")
        other = [key for key, count in counts.items() if numbers.get(key, count) != count]
        if told is not None and (rate is None or abs(told - rate) > CLOSE):
            other.append("flip_rate")
        if other:
            yield f"has another {scalar(name, other[0])} in its summary than its table comes to: they are of two runs"
            return


def _numbers_of(summary: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every result's part of a summary, by the result's name."""
    yield "", summary
    yield from summary.get("others", {}).items()
    if "control" in summary:
        yield "control", summary["control"]


def number(value: Any) -> bool:
    """Whether it is a number that can be written and drawn."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST


def optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


def share(value: Any) -> bool:
    return number(value) and -CLOSE <= value <= 1 + CLOSE


def count(value: Any) -> bool:
    return isinstance(value, int) and number(value) and value >= 0


def text(value: Any) -> bool:
    return isinstance(value, str)


def each(check: Check) -> Check:
    """Of a list."""
    return lambda value: isinstance(value, list) and all(map(check, value))


def values(check: Check, **named: Check) -> Check:
    """Of a dictionary: those under a name by its own check, which has to be there, the others by the first."""
    return lambda value: (
        isinstance(value, dict)
        and all(named.get(key, check)(v) for key, v in value.items())
        and all(key in value for key in named)
    )


def anything(value: Any) -> bool:
    return True


def _interval(value: Any) -> bool:
    return each(optional(number))(value) and len(value) == 2


def _spectrum(value: Any) -> bool:
    known = values(anything, index=each(count), sigma=each(number))(value)
    numbers = ("effective_dimension", "dimension_above_10pct")
    return known and 0 < len(value["index"]) == len(value["sigma"]) and all(number(value.get(n)) for n in numbers)


def _grid(value: Any) -> bool:
    known = values(anything, r=each(number), share=values(each(optional(number))))(value)
    return known and all(len(shares) == len(value["r"]) for shares in value["share"].values())


#: key of the summary → what may stand there where anything does
SUMMARY: dict[str, Check] = {
    "format": count,
    "n": count,
    "class_names": optional(each(text)),
    "others": values(values(anything)),
    "control": values(anything),
    "quality": optional(values(anything, problems=each(text))),
    "spectrum": optional(_spectrum),
    "relaxation_grid": optional(_grid),
    "provenance": values(values(text)),
    "confidence_is": text,
}
#: the same for every result's part
RESULT: dict[str, Check] = {
    **{key: optional(share if key in SHARES else number) for key in MEANINGS},
    "intervals": values(optional(_interval)),
    "rows": values(count),
    "certificate": optional(values(count)),
    "values": each(values(optional(number), target=number, n=count, reached=count)),
}
