"""README is a page, every link leads somewhere, and every number that has a link stands there."""

import re
from pathlib import Path

import pytest

from tests.support.pages import DOCS, PAGES, README, ROOT, name_of

LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
LONGEST = 160  # lines of README


def links(page: Path) -> list[tuple[str, str]]:
    """Words and address of each link; blocks of code have none."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return LINK.findall(" ".join(text.split()))


def claims(page: Path) -> list[tuple[str, Path, str]]:
    """Words, file and anchor of each link to a row of a table."""
    found = []
    for words, address in links(page):
        file, _, anchor = address.partition("#")
        target = page.parent / file if file else page
        if anchor and not address.startswith("http") and f'<a id="{anchor}"></a>' in target.read_text():
            found.append((words, target, anchor))
    return found


def anchors(text: str) -> set[str]:
    """Of rows, and of headings as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([\w-]+)"></a>', text))


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


def test_readme_is_a_page() -> None:
    assert len(README.read_text().splitlines()) <= LONGEST
    assert len(claims(README)) >= 10, "what it says of results has links"


def test_every_page_is_here() -> None:
    assert set(DOCS.rglob("*.md")) | {README} == set(PAGES)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for words, address in links(page):
        if address.startswith(("http", "mailto:")):
            continue
        file, _, anchor = address.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), f"[{words}]({address}): no such file"
        assert not anchor or anchor in anchors(target.read_text()), f"[{words}]({address}): no such anchor"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_number_that_has_a_link_stands_there(page: Path) -> None:
    for words, file, anchor in claims(page):
        missing = unsupported(words, row(file.read_text(), anchor))
        assert not missing, f"{words!r}: {', '.join(missing)} is not in {name_of(file)}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_an_anchor_is_there_once(page: Path) -> None:
    found = re.findall(r'<a id="([\w-]+)"></a>', page.read_text())
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("words", "left"),
    [("97.9 and 43 %", []), ("98 %", []), ("99 %", ["99"]), ("97.8 %", ["97.8"]), ("1,043", ["1,043"])],
)
def test_a_number_that_is_not_there_is_found(words: str, left: list[str]) -> None:
    line = '| <a id="gain-3"></a>gain | 97.9% (88.9 – 99.6%) | 42.6% |'
    assert unsupported(words, row(f"above\n{line}", "gain-3")) == left
