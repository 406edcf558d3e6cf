"""What README.md says of results stands in the row that it links to."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[([^\]]+)\]\((docs/[\w./-]+\.md)#([\w-]+)\)")
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def claims(text: str) -> list[tuple[str, str, str]]:
    """Words, file and anchor of each link to a row."""
    return LINK.findall(" ".join(text.split()))


def row(text: str, anchor: str) -> str:
    """The line that has the anchor."""
    found = [line for line in text.splitlines() if f'<a id="{anchor}"></a>' in line]
    assert len(found) == 1, f"{anchor} stands in {len(found)} lines"
    return found[0].replace(anchor, "")


def unsupported(words: str, line: str) -> list[str]:
    """Numbers among the words that no number of the line rounds to."""
    there = [float(n.replace(",", "")) for n in NUMBER.findall(line)]
    return [n for n in NUMBER.findall(words) if not any(_rounds_to(value, n) for value in there)]


def _rounds_to(value: float, said: str) -> bool:
    digits = len(said.partition(".")[2])
    return abs(value - float(said.replace(",", ""))) <= 0.5 * 10**-digits + 1e-9


def test_every_number_of_the_readme_that_has_a_link_stands_there() -> None:
    found = claims((ROOT / "README.md").read_text())
    assert len(found) >= 10
    for words, file, anchor in found:
        missing = unsupported(words, row((ROOT / file).read_text(), anchor))
        assert not missing, f"README says {words!r}; {', '.join(missing)} is not in {file}#{anchor}"


@pytest.mark.parametrize(
    ("words", "left"),
    [("97.9 and 43 %", []), ("98 %", []), ("99 %", ["99"]), ("97.8 %", ["97.8"]), ("1,043", ["1,043"])],
)
def test_a_number_that_is_not_there_is_found(words: str, left: list[str]) -> None:
    line = '| <a id="gain-3"></a>gain | 97.9% (88.9 – 99.6%) | 42.6% |'
    assert unsupported(words, row(f"above\n{line}", "gain-3")) == left
