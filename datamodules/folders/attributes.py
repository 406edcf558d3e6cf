"""The attribute file that CelebA and CelebAMask-HQ share."""

from collections.abc import Sequence
from pathlib import Path

from networks.errors import InputError

#: which AttGAN edits (He et al. 2019) and Liu et al. 2019 search in
PAPERS = [
    "Bald",
    "Bangs",
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Eyeglasses",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "No_Beard",
    "Pale_Skin",
    "Young",
]


def read_attributes(file: Path, attributes: Sequence[str]) -> dict[str, list[int]]:
    """Of every image, by name: 1 for each attribute that it has, 0 for each that it has not.

    Line 1 holds the number of images, line 2 the attributes' names, and every other line an
    image's name and 1 or −1 for each attribute. In a CSV, as Kaggle has it, line 1 holds "image_id" and the names.

    Raises:
        InputError: an unknown attribute, a malformed line, or more or fewer images than line 1 says.
    """
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    if file.suffix == ".csv":
        header, *rows = [*text.replace(",", " ").splitlines(), ""]
        return _labels(file, attributes, header.split()[1:], rows, first=2)
    count, header, *rows = [*text.splitlines(), "", ""]
    names = header.split()
    if not count.strip().isdecimal() or not names:
        raise InputError(
            f"{file} must begin with the number of images and a line of attributes' names; got {count[:80]!r} and "
            f"{header[:80]!r}: fetch the file again"
        )
    labels = _labels(file, attributes, names, rows, first=3)
    if len(labels) != int(count):
        raise InputError(f"{file} lists {len(labels)} images, its first line says {count.strip()}: fetch it again")
    return labels


def _labels(
    file: Path, attributes: Sequence[str], names: list[str], rows: list[str], first: int
) -> dict[str, list[int]]:
    """From the rows, the first of which is so many lines below the file's top."""
    if unknown := [attribute for attribute in attributes if attribute not in names]:
        raise InputError(f"unknown attribute {', '.join(map(repr, unknown))}: choose of {', '.join(names)}")
    columns = [names.index(attribute) + 1 for attribute in attributes]
    labels: dict[str, list[int]] = {}
    for number, row in enumerate(rows, first):
        if not (words := row.split()):
            continue
        if len(words) != len(names) + 1 or any(words[column] not in ("1", "-1") for column in columns):
            raise InputError(
                f"{file}, line {number}: expected an image's name and {len(names)} times 1 or -1; got {row[:80]!r}: "
                "fetch the file again"
            )
        labels[words[0]] = [int(words[column] == "1") for column in columns]
    return labels
