"""Which images belong together: those of one patient, one camera, one recording."""

import re
from pathlib import Path

import pandas as pd

from datamodules.folders.listed_by_name import by_path_or_name
from networks.errors import InputError


def groups_of(names: list[str], group_by: str) -> list[str]:
    """The group of every image.

    Args:
        names: paths of the images below their root, as in ``train/normal/person12_3.png``.
        group_by: a pattern (a regular expression) whose one group in brackets is the name of the image's group, as in
            ``(person\\d+)_``; or a CSV file of two columns, the file and its group, under a line of headings.

    Raises:
        InputError: a pattern that is none, a file that cannot be read, images without a group, or one group for all.
    """
    found = _listed(names, Path(group_by)) if group_by.lower().endswith(".csv") else _matched(names, group_by)
    if missing := [name for name, group in zip(names, found, strict=True) if not group]:
        raise InputError(
            f"group_by {group_by!r} gives no group for {len(missing):,} of the {len(names):,} images, first "
            f"{missing[0]!r}: every image must have one"
        )
    groups = [str(group) for group in found]
    if len(set(groups)) == 1:
        raise InputError(f"group_by {group_by!r} puts all images into one group, {groups[0]!r}")
    return groups


def _matched(names: list[str], pattern: str) -> list[str | None]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"group_by {pattern!r} is neither a CSV file nor a regular expression ({error})") from error
    if compiled.groups != 1:
        raise InputError(
            f"group_by {pattern!r} must have one group in brackets, the name of the group, as in '(person[0-9]+)_'; "
            f"it has {compiled.groups}"
        )
    return [match[1] if (match := compiled.search(name)) else None for name in names]


def _listed(names: list[str], file: Path) -> list[str | None]:
    """By path, or where the CSV holds no paths, by name."""
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # pandas' errors of an empty or broken file are ValueErrors
        raise InputError(f"group_by: {file} cannot be read as a CSV file ({error})") from error
    if len(table.columns) != 2:
        raise InputError(
            f"group_by: {file} must have two columns, file and group, under a line of headings; it has "
            f"{len(table.columns)}"
        )
    own: dict[str, str] = {}
    for path, group in ((path.strip().removeprefix("./"), group.strip()) for path, group in table.values.tolist()):
        if own.setdefault(path, group) != group:
            raise InputError(f"group_by: {file} puts {path!r} into two groups, {own[path]!r} and {group!r}")
    rows, _ = by_path_or_name(names, list(own), f"group_by: {file}")
    groups = list(own.values())
    return [None if row is None else groups[row] for row in rows]
