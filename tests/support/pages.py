"""README and docs as the tests read them: blocks of code, commands, links."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.support.runs import ROOT

README, DOCS, RESULTS = ROOT / "README.md", ROOT / "docs", ROOT / "docs" / "results"
#: whose commands are run on tiny settings, in an order in which each finds what those before it have left
GUIDES = [
    README,
    *(DOCS / f"{name}.md" for name in ("own-images", "charts", "searches", "results-folder", "tracking", "clusters")),
    *(DOCS / f"{name}.md" for name in ("measures", "security")),
]
#: whose commands take hours
MEASURED = sorted(RESULTS.glob("*.md"))
PAGES = [*GUIDES, *MEASURED]
LOOP = re.compile(r"for (\w+) in ([^;]+); do\s+(.*?);?\s*done", re.DOTALL)


def blocks(page: Path, language: str, containing: str = "") -> list[str]:
    """The page's code blocks in a language that contain a string."""
    found = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [block for block in found if containing in block]


def block(page: Path, language: str, containing: str) -> str:
    """The one such block."""
    (found,) = blocks(page, language, containing)
    return found


def commands(page: Path) -> Iterator[str]:
    """Every command of the page's bash blocks: lines joined, comments gone, loops unrolled."""
    for text in blocks(page, "bash"):
        joined = text.replace("\\\n", " ")
        for loop in LOOP.finditer(joined):
            each = [loop[3].replace(f"${loop[1]}", value) for value in loop[2].split()]
            joined = joined.replace(loop[0], "\n".join(each))
        for line in joined.splitlines():
            if words := shlex.split(line, comments=True):
                yield shlex.join(words)


def paragraphs(page: Path) -> str:
    """The page in one line, without its blocks of code."""
    return " ".join(re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE).split())


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))
