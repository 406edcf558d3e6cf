"""docs/measures.md explains every number that a run shows, and no other."""

import re

from results.meanings import COLUMNS, GROUPS, MEANINGS
from tests.support.pages import DOCS

ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
LABELS = {key: label for key, (label, *_) in [*MEANINGS.items(), *COLUMNS.items()]}


def test_every_number_is_explained_once() -> None:
    explained = [key for key, *_ in ROW.findall((DOCS / "measures.md").read_text())]
    assert sorted(explained) == sorted(LABELS), "each once, and none that does not exist"


def test_under_the_name_that_a_run_shows() -> None:
    for key, label, meaning, better in ROW.findall((DOCS / "measures.md").read_text()):
        assert label == LABELS[key]
        assert meaning.strip() and better.strip()


def test_every_number_is_in_one_group() -> None:
    assert sorted(key for keys in GROUPS.values() for key in keys) == sorted(MEANINGS)
