"""Attributes of a user's own images: a CSV file of the file and a column an attribute."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from datamodules.folders.listed_by_name import by_path_or_name
from networks.errors import InputError

WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


class AttributeTable(NamedTuple):
    """Names of A attributes, their values for N images, N×A float32 (NaN where a cell is empty), and remarks."""

    names: list[str]
    values: Tensor
    remarks: list[str]


def read_table(images: list[str], file: Path) -> AttributeTable:
    """Of every image its row.

    Cells hold numbers, or true, false, yes and no. A column of −1 and 1 alone, as CelebA has it, becomes 0 and 1.

    Args:
        images: paths below their root.
        file: the CSV; its first column holds paths below the root, or names alone.

    Raises:
        InputError: a file that cannot be read or has no attribute, a cell that is no number, images without a row, or
            an image with two.
    """
    try:
        # Not with its own header: of two columns of one name pandas would call the second one otherwise.
        header, table = (part.reset_index(drop=True) for part in _split(pd.read_csv(file, dtype=str, header=None)))
    except (OSError, ValueError) as error:  # pandas' errors of an empty or broken file are ValueErrors
        raise InputError(f"attributes: {file} cannot be read as a CSV file ({error})") from error
    names = [cell.strip() for cell in header.iloc[0].tolist()[1:]]
    if not names:
        raise InputError(
            f"attributes: {file} must have a column of files and one for every attribute; it has one column"
        )
    if twice := [name for i, name in enumerate(names) if not name or name in names[:i]]:
        raise InputError(f"attributes: {file} has two columns called {twice[0]!r}, or one without a name")
    numbers = torch.tensor(
        [
            [_number(cell, file, i + 2, name) for cell, name in zip(row, names, strict=True)]
            for i, row in enumerate(table.iloc[:, 1:].values.tolist())
        ]
    ).view(len(table), len(names))
    row_of, strangers = by_path_or_name(images, table.iloc[:, 0].tolist(), f"attributes: {file}")
    if missing := [image for image, row in zip(images, row_of, strict=True) if row is None]:
        raise InputError(
            f"attributes: {file} has no row for {len(missing):,} of the {len(images):,} images, first {missing[0]!r}"
            + (f"; its first row is {table.iloc[0, 0]!r}" if len(table) else "")
            + ": give paths below the root, or the files' names"
        )
    values = numbers[torch.tensor([row for row in row_of if row is not None])]
    signs = ((values == -1) | (values == 1)).all(0)
    remarks = [f"{strangers:,} rows of {file.name} name files that are not there"] if strangers else []
    return AttributeTable(names, torch.where(signs, (values + 1) / 2, values), remarks)


def _split(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The line of headings, and the others; empty cells are empty text."""
    return table.fillna("").iloc[:1], table.fillna("").iloc[1:]


def _number(cell: str, file: Path, line: int, name: str) -> float:
    text = cell.strip().lower()
    if not text:
        return float("nan")
    try:
        return WORDS[text] if text in WORDS else float(text)
    except ValueError as error:
        raise InputError(
            f"attributes: {file}, line {line}: {name} must be a number, or true or false; got {cell[:40]!r}"
        ) from error
