"""Which searches the first screen shows, by a rule that leaves nothing to choose."""

from collections.abc import Iterator
from itertools import chain, islice, zip_longest

import numpy as np

from results.consistency import VERDICTS
from results.reader import Results

MOST = 6


def representatives(results: Results, most: int = MOST) -> list[int]:
    """Rows of at most so many flipped searches, as ``rule`` says; of rows that are alike in all this the first."""
    ranked = [_ranked(results, rows) for _, rows in zip(range(most), groups(results), strict=False)]
    rounds = chain.from_iterable(zip_longest(*ranked))
    return list(islice((row for row in rounds if row is not None), most))


def rule(results: Results) -> str:
    """The same in words, for the page."""
    kind = "pairs of classes" if results.class_names else "target values"
    own = "pair" if results.class_names else "target value"
    first = "green certificates first, then amber; of these " if _certified(results) else ""
    start = f"Chosen by rule, not by eye: {first}"
    if not results.class_names and not _few_targets(results):
        return f"{start}the searches whose change is nearest the median in size."
    return (
        f"{start}the search whose change is nearest its {own}'s median in size, for each of the {MOST} most frequent "
        f"{kind}, and again from the first where there are fewer."
    )


def groups(results: Results) -> Iterator[np.ndarray]:
    """Flipped rows of every pair of classes, or of every target value if these are few, the most frequent first."""
    if results.class_names:
        yield from (rows for _, rows in results.pairs())
        return
    rows = results.flipped("").nonzero()[0]
    if not _few_targets(results):  # each has hardly a second row: a median of its own says nothing
        yield rows
        return
    targets = results.table["target"].to_numpy()[rows]
    values, counts = np.unique(targets, return_counts=True)
    yield from (rows[targets == value] for value in values[np.argsort(-counts, kind="stable")])


def _ranked(results: Results, rows: np.ndarray) -> list[int]:
    """The best certificates first, and of these the size of change that is nearest the median of all of them."""
    sizes = results.table["l1_x" if "l1_x" in results.table else "l2_x"].to_numpy(dtype=float)[rows]
    certificates = results.table["certificate"].tolist() if _certified(results) else [""] * len(results.table)
    rank = [VERDICTS.index(word) if (word := certificates[row]) in VERDICTS else len(VERDICTS) for row in rows]
    away = np.abs(sizes - np.nanmedian(sizes)) if np.isfinite(sizes).any() else np.zeros(len(rows))
    return rows[np.lexsort((rows, away, np.array(rank)))].tolist()  # NaN comes last


def _certified(results: Results) -> bool:
    certificates = results.values("", "certificate")
    return certificates is not None and bool(certificates.isin(VERDICTS).any())


def _few_targets(results: Results) -> bool:
    return results.table.loc[results.flipped(""), "target"].nunique() <= MOST
