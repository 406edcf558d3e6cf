"""The attribute file that CelebA and CelebAMask-HQ share."""

from pathlib import Path

from networks.errors import InputError


def read_attribute(file: Path, attribute: str) -> dict[str, int]:
    """Of every image, by name: 1 where it has the attribute, 0 where it has not.

    Line 1 holds the number of images, line 2 the attributes' names, and every other line an
    image's name and 1 or −1 for each attribute.

    Raises:
        InputError: an unknown attribute, a malformed line, or more or fewer images than line 1 says.
    """
    count, header, *rows = [*file.read_text(errors="replace").splitlines(), "", ""]
    names = header.split()
    if not count.strip().isdecimal() or not names:
        raise InputError(
            f"{file} must begin with the number of images and a line of attributes' names; got {count[:80]!r} and "
            f"{header[:80]!r}: fetch the file again"
        )
    if attribute not in names:
        raise InputError(f"unknown attribute {attribute!r}: choose one of {', '.join(names)}")
    column = names.index(attribute) + 1
    labels: dict[str, int] = {}
    for number, row in enumerate(rows, 3):
        if not (words := row.split()):
            continue
        if len(words) != len(names) + 1 or words[column] not in ("1", "-1"):
            raise InputError(
                f"{file}, line {number}: expected an image's name and {len(names)} times 1 or -1; got {row[:80]!r}: "
                "fetch the file again"
            )
        labels[words[0]] = int(words[column] == "1")
    if len(labels) != int(count):
        raise InputError(f"{file} lists {len(labels)} images, its first line says {count.strip()}: fetch it again")
    return labels
