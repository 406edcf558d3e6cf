"""The one error that a user is meant to read, and what may stand in it."""

from collections.abc import Iterator
from contextlib import contextmanager


def printable(text: str) -> str:
    """With escapes for what a terminal would obey, such as colours or a line feed in the name of a folder."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class InputError(ValueError):
    """Something that the user gave cannot be used.

    The message names the value, what is allowed and what to do. The command line prints it
    alone, without a traceback; in a notebook it is an ordinary ``ValueError``.
    """

    @classmethod
    def collect(cls, problems: list[str]) -> None:
        """Raise one error that lists every problem; do nothing where there is none."""
        if problems:
            raise cls("\n".join(problems) if len(problems) == 1 else "\n- ".join(["several problems:", *problems]))

    @classmethod
    @contextmanager
    def about(cls, argument: str) -> Iterator[None]:
        """Put the argument's name before the errors that come from what it names: a checkpoint, a chart."""
        try:
            yield
        except cls as error:
            raise cls(f"{argument}: {error}") from error
