import pytest

from networks.errors import InputError


def test_collect_lists_every_problem() -> None:
    with pytest.raises(InputError, match=r"(?s)first.*second"):
        InputError.collect(["first", "second"])


def test_collect_of_nothing_is_silent() -> None:
    InputError.collect([])
