"""The order of training samples, and where in an epoch a training goes on."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from torch.utils.data import DataLoader, DistributedSampler


class Order(DistributedSampler):
    """An order that (seed, epoch) alone decide: a run that goes on repeats it, and two ranks share that of one.

    Attributes:
        left_out: an epoch, and how many of this rank's first samples are left out in it: they have been seen.
    """

    left_out: tuple[int, int] = (0, 0)

    def __iter__(self) -> Iterator[int]:
        epoch, samples = self.left_out
        return islice(super().__iter__(), samples if epoch == self.epoch else 0, None)


class Shuffled(DataLoader):
    """A loader in this ``Order``, whose place Lightning keeps in checkpoints.

    Samples that have been seen are left out by the sampler: nothing is loaded to be thrown away.
    """

    sampler: Order

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # A generator: workers fetch ahead, and begin where the epoch and what is left out of it are known.
        yield from super().__iter__()

    def state_dict(self) -> dict[str, int]:
        """What decides, beside the seed, which samples are in the nth batch: samples in all, and at once."""
        at_once = int(self.batch_size or 1) * self.sampler.num_replicas
        return {"samples": len(self.dataset), "at_once": at_once}  # type: ignore[arg-type]

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after so many ``batches`` of the ``epoch``."""
        self.sampler.left_out = (state["epoch"], state["batches"] * int(self.batch_size or 1))
