"""Searches that have ended, with what was measured of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from counterfactuals.result import Counterfactuals

OWN_COLUMNS = ("decodes", "logit_margin", "probability", "matched", "l2_z")  # before any metric has added its own


@dataclass
class Explanation:
    """Searches that have just ended, all tensors on the CPU.

    Attributes:
        name: of the result that they belong to: "" for the chart's, "control" for the pixel control's.
        index: position in the split of every search's sample, n int64.
        number: which of its sample's results it is, n int64: 0 unless the targets ask for several
            searches a sample, or the method gives several counterfactuals.
        y: its label, n.
        counterfactuals: what the searches came to.
        seconds: wall time a search, n: what passed since the last ones ended, shared by these.
        columns: further values for the table, n each, to begin with ``decodes`` (rows decoded a search, shared as the
            seconds are), ``logit_margin`` (how far x′ lies beyond the decision, see ``matched.margin_of``),
            ``probability`` of a class where the objective's score is none, of a matched search ``matched`` (whether
            it is as certain), and ``l2_z``; metric callbacks add theirs.
    """

    name: str
    index: Tensor
    number: Tensor
    y: Tensor
    counterfactuals: Counterfactuals
    seconds: Tensor
    columns: dict[str, Tensor] = field(default_factory=dict)

    @staticmethod
    def join(parts: Sequence["Explanation"]) -> "Explanation":
        """All searches of one result, in the order of index and number."""
        cf = Counterfactuals.join([p.counterfactuals for p in parts])
        index, number = torch.cat([p.index for p in parts]), torch.cat([p.number for p in parts])
        order = number.argsort(stable=True)
        order = order[index[order].argsort(stable=True)]
        y, seconds = torch.cat([p.y for p in parts]), torch.cat([p.seconds for p in parts])
        columns = {name: torch.cat([p.columns[name] for p in parts]) for name in parts[0].columns}
        return Explanation(parts[0].name, index, number, y, cf, seconds, columns).take(order)

    def take(self, rows: Tensor) -> "Explanation":
        """The given searches (int64), in that order."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        cf = self.counterfactuals.take(rows)
        index, number, y, seconds = self.index[rows], self.number[rows], self.y[rows], self.seconds[rows]
        return Explanation(self.name, index, number, y, cf, seconds, columns)
