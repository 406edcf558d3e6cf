"""Which row of a user's list is about which image."""

from collections import Counter

from networks.errors import InputError


def by_path_or_name(images: list[str], listed: list[str], where: str) -> tuple[list[int | None], int]:
    """Of every image the number of its row, by its path, or where the list holds no paths, by its name.

    Args:
        images: paths below their root.
        listed: what the rows call them.
        where: the list stands, for messages.

    Returns:
        ``None`` for images without a row; and how many rows are about no image.

    Raises:
        InputError: a file that is listed twice, or names alone where several images share one.
    """
    own: dict[str, int] = {}
    for row, path in enumerate(path.strip().removeprefix("./") for path in listed):
        if own.setdefault(path, row) != row:
            raise InputError(f"{where} lists {path!r} twice: remove one of its rows")
    called = images if any("/" in path for path in own) else [image.rsplit("/", 1)[-1] for image in images]
    if called is not images and (several := [name for name, n in Counter(called).items() if n > 1]):
        raise InputError(
            f"{where} holds names without folders, and {several[0]!r} is the name of several images: give their paths "
            "below the root, as in train/normal/1.png"
        )
    return [own.get(name) for name in called], len(own.keys() - set(called))
