"""Real samples that stand beside what was made: what a distance comes to where there is nothing to find."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from datamodules.base import Split

BATCH = 256


class HeldOut:
    """Real samples that are in no reference, each split in an order that is drawn by seed.

    Args:
        splits: that they are taken from.
        class_of: classes (int64) from labels.
    """

    def __init__(self, splits: Sequence[Split], class_of: Callable[[Tensor], Tensor]) -> None:
        self.splits = splits
        self.orders = [torch.randperm(len(split), generator=torch.Generator().manual_seed(1)) for split in splits]
        labels = [split.y[order] for split, order in zip(splits, self.orders, strict=True)]
        self.classes = class_of(torch.cat(labels))

    def features(
        self, counts: Sequence[Tensor], embed: Callable[[Tensor], dict[str, Tensor]]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Classes and features of the first ones, of every class as many as any of ``counts`` (K int64 each) has."""
        most = torch.stack(list(counts)).amax(0)
        wanted = torch.cat([(self.classes == k).nonzero()[: int(n), 0] for k, n in enumerate(most)]).sort().values
        flags = torch.zeros(len(self.classes), dtype=torch.bool).index_fill(0, wanted, True)
        parts = []
        for split, order, rows in zip(self.splits, self.orders, flags.split([*map(len, self.orders)]), strict=True):
            parts += [embed(split.__getitems__(p.tolist())["x"]) for p in order[rows].split(BATCH) if len(p)]
        kinds = parts[0] if parts else ()
        return self.classes[wanted], {kind: torch.cat([part[kind] for part in parts]) for kind in kinds}
