"""Where in its epoch a training goes on."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from networks.errors import InputError

BATCHES = "epoch_loop.batch_progress"
COUNTS = ("ready", "started", "processed", "completed")


class EpochPosition(NamedTuple):
    """How many batches are taken again, and what is not as it would have been, in a sentence each."""

    again: int
    sentences: list[str]


def resume_position(fit_loop: dict[str, Any], loader: dict[str, int], accumulate: int) -> EpochPosition:
    """Tell a loader of ``datamodules.order`` its place, in the saved loops that Lightning is about to restore.

    Batches whose gradients had been added up, but not used for a step, are taken again. With another number of
    samples at once than before (``batch_size`` × ranks) the rest of the epoch is dealt out anew, from the same sample.

    Args:
        fit_loop: of a checkpoint; changed in place.
        loader: what the loader's ``state_dict`` says now.
        accumulate: batches a step.

    Raises:
        InputError: the loops are not what a training saves.
    """
    saved, progress, epoch = _saved(fit_loop, loader)
    batches, begun, sentences = progress["current"]["processed"], 0, []
    if not progress["is_last_batch"]:
        begun = batches % accumulate
        place = batches - begun
        batches = -(-place * saved["at_once"] // loader["at_once"])
        _shift(progress["current"], batches - place - begun)
        _shift(progress["total"], -begun)
        sentences = list(_told(place, epoch, saved, loader))
    state = {"epoch": epoch, "batches": batches}
    fit_loop["state_dict"] = {**fit_loop["state_dict"], "combined_loader": [state]}
    return EpochPosition(begun, sentences)


def _saved(fit_loop: dict[str, Any], loader: dict[str, int]) -> tuple[dict[str, int], dict[str, Any], int]:
    """The loader's state, the batches' progress and the epoch."""
    try:
        progress, epoch = fit_loop[BATCHES], fit_loop["epoch_progress"]["current"]["processed"]
        states = fit_loop["state_dict"].get("combined_loader") or [loader]  # older checkpoints have none
        saved = {**loader, **states[0]}
        numbers = [
            epoch,
            *saved.values(),
            *(progress[which][name] for which in ("current", "total") for name in COUNTS),
        ]
        sound = all(type(n) is int and 0 <= n < 2**53 for n in numbers) and saved["at_once"] > 0
        sound = sound and type(progress["is_last_batch"]) is bool
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"its loops are not what a training saves ({type(error).__name__}: {error})") from error
    if not sound:
        raise InputError(f"its loops count what cannot be counted: epoch {epoch!r:.30}, {saved!r:.200}")
    return saved, progress, epoch


def _told(place: int, epoch: int, saved: dict[str, int], loader: dict[str, int]) -> Iterator[str]:
    if place and saved["at_once"] != loader["at_once"]:
        yield (
            f"The training goes on after {place * saved['at_once']} samples of epoch {epoch}, with {loader['at_once']} "
            f"at once on all ranks, which were {saved['at_once']}: the rest of the epoch is in other batches"
        )
    if place and saved["samples"] != loader["samples"]:
        yield (
            f"There are {loader['samples']} training samples now, and were {saved['samples']}: the rest of epoch "
            f"{epoch} is in another order, and some of its samples are seen twice or not at all"
        )


def _shift(counts: dict[str, int], by: int) -> None:
    for name in COUNTS:
        counts[name] += by
