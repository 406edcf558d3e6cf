"""The answer in a sentence or two: what became of the images, in counts that the table has."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from metrics.samples import ALREADY_TARGET, FLIPPED
from report.answer.agreement import agreed_before, agreement, unanimous
from results.naming import column
from results.reader import Results

EVERY = "every independent model"


class Answer(NamedTuple):
    """What happened, what others say of it, and what was not searched; ``text`` joins them."""

    lead: str
    rest: str
    remark: str

    @property
    def text(self) -> str:
        return " ".join(filter(None, ["; ".join(filter(None, [self.lead, self.rest])) + ".", self.remark]))


class Counts(NamedTuple):
    """Rows of one result: searched, flipped, of these agreed on by all oracles, ``before`` a search already, and green.

    What is unknown is None.
    """

    searched: int
    flipped: int
    agreed: int | None
    before: int
    green: int | None


class Words(NamedTuple):
    """How one run's answer is put.

    Attributes:
        thing: what is counted: an image, a sample or a search.
        things: many of them.
        of: what more there is to say of how many they are.
        did: what a search achieved.
        did_not: and what it did not.
        judge: the oracles, or the only one.
        sees: what a judge does that agrees.
        sees_not: and one that does not.
        convinced: what is convinced by a control, where the judge was named before.
        from_start: what rows that were not searched had.
    """

    thing: str
    things: str
    of: str
    did: str
    did_not: str
    judge: str
    sees: str
    sees_not: str
    convinced: str
    from_start: str


def answer(results: Results) -> Answer:
    """Of the run's counterfactuals, beside those of the control where there is one."""
    words, own = words_of(results), counts(results, "")
    control = counts(results, "control") if "control" in results.names else None
    spared = len(results.table) - own.searched
    if not own.searched:
        return Answer(f"No {words.thing} was searched", "", _spared(words, spared))
    clauses = [_agreed(words, own), _control(words, own, control), _green(words, own, control)]
    return Answer(_lead(words, own), "; ".join(filter(None, clauses)), _spared(words, spared))


def counts(results: Results, name: str) -> Counts:
    """Of one result."""
    status = results.table[column(name, "status")]
    said, before = agreement(results, name), agreed_before(results)
    flipped, searched = status == FLIPPED, status != ALREADY_TARGET
    agreed = flipped & unanimous(said)
    already = agreed & unanimous(before) if len(before.columns) else np.zeros(len(status), dtype=bool)
    certificate = results.values(name, "certificate")
    return Counts(
        int(searched.sum()),
        int(flipped.sum()),
        int(agreed.sum()) if len(said.columns) else None,
        int(already.sum()),
        None if certificate is None else int((searched & (certificate == "green")).sum()),
    )


def words_of(results: Results) -> Words:
    """The words that a run's kind of samples, targets and oracles ask for; they claim no more than its rows hold."""
    table, classes = results.table, bool(results.class_names)
    thing = "image" if results.images else "sample"
    several = bool(table["index"].duplicated().any())
    sources = table.loc[table["status"] != ALREADY_TARGET, "index"].nunique()
    reached = f"the {'class' if classes else 'value'} that was asked for"
    turned = classes and all(_turned(table, name) for name in results.names if name in ("", "control"))
    oracles = [*agreement(results, "")]
    judge = EVERY if len(oracles) > 1 else f"the independent model {''.join(oracles)}"
    half = "half of the way"
    return Words(
        thing="search" if several else thing,
        things="searches" if several else f"{thing}s",
        of=f" (of {sources:,} {thing}{'s' if sources > 1 else ''})" if several else "",
        did="changed the model's mind" if turned else f"reached {reached}",
        did_not="did not change the model's mind" if turned else f"did not reach {reached}",
        judge=judge,
        sees="agrees" if classes else f"sees at least {half}",
        sees_not="agree" if classes else f"see {half}",
        convinced="them" if len(oracles) > 1 else "it",
        from_start="the target class" if classes else "the value",
    )


def _turned(table: pd.DataFrame, name: str) -> bool:
    """Whether every flipped row of a result has another prediction than its original.

    A low confidence may be reached without that, and a search may be for the class that the model gives anyway.
    """
    flipped = table[column(name, "status")] == FLIPPED
    return bool((table[column(name, "prediction")] != table["source"])[flipped].all())


def _lead(words: Words, own: Counts) -> str:
    if own.searched == 1:
        return f"The one {words.thing} {words.did if own.flipped else words.did_not}"
    return f"{_count(own.flipped).capitalize()} of {own.searched:,} {words.things}{words.of} {words.did}"


def _agreed(words: Words, own: Counts) -> str:
    if own.agreed is None or not own.flipped:
        return ""
    if own.flipped == 1:
        said = f"{words.judge} {words.sees}" if own.agreed else _denied(words)
    else:
        how_many = "all" if own.agreed == own.flipped else _count(own.agreed)
        said = f"{words.judge} {words.sees} on {how_many} of them"
    if not own.before:
        return said
    return f"{said}, {'' if own.before == own.agreed else f'on {own.before:,} of these '}already before the search"


def _denied(words: Words) -> str:
    if words.judge == EVERY:
        return f"not {EVERY} {words.sees}"
    return f"{words.judge} does not {words.sees_not}"


def _control(words: Words, own: Counts, control: Counts | None) -> str:
    if control is None or not control.searched:
        return ""
    judged = own.agreed is not None and control.agreed is not None
    many = control.agreed if judged else control.flipped
    if control.searched == 1:
        return _control_of_one(words, own, control, judged)
    of = "" if control.searched == own.searched else f" of {control.searched:,}"
    if judged:
        return f"the control convinces {words.convinced if own.flipped else words.judge} on {_count(many)}{of}"
    return f"with the control {_count(many)}{of} did"


def _control_of_one(words: Words, own: Counts, control: Counts, judged: bool) -> str:
    if judged:
        convinced = words.convinced if own.flipped else words.judge
        if not control.agreed:
            return f"the control does not convince {convinced}"
        return f"the control convinces {convinced}{', too' if own.agreed else ''}"
    if control.flipped:
        return f"with the control it did{', too' if own.flipped else ''}"
    return f"with the control it did not{'' if own.flipped else ', either'}"


def _green(words: Words, own: Counts, control: Counts | None) -> str:
    if own.green is None or not own.flipped:
        return ""
    if own.searched == 1:
        return "it carries a green certificate" if own.green else "it carries no green certificate"
    others = "" if control is None or control.green is None else f", and {_count(control.green)} of the control's"
    carry = f"{words.thing} carries" if own.green == 1 else f"{words.things} carry" if own.green else "carries"
    return f"{_count(own.green)} {carry} a green certificate{others}"


def _count(n: int | None) -> str:
    return f"{n:,}" if n else "none"


def _spared(words: Words, spared: int) -> str:
    if not spared:
        return ""
    if words.things == "searches":
        was = "1 more search was" if spared == 1 else f"{spared:,} more searches were"
        return f"{was} not needed: {words.from_start} was there from the start."
    had, were = f"had {words.from_start} from the start and", "was" if spared == 1 else "were"
    return f"{spared:,} {words.thing if spared == 1 else words.things} {had} {were} not searched."
