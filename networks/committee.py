"""Several predictors as one."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from networks.checks import objects
from networks.errors import InputError


class Committee(nn.Module):
    """log min_m p_m(x): for every class the log of the smallest probability that any member gives it.

    With the objective ``ReachAll`` a search goes on until every member has changed its mind. The smallest
    probabilities of all classes do not add up to one, and which classes the members choose cannot be told from
    them: ``agreed`` says that.

    Args:
        members: predictors x → logits of B×K, all of one K.

    Shapes:
        x of B×C×H×W → B×K, at most 0.

    Raises:
        InputError: no member; on use, members of different K.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        if not members:
            raise InputError("a committee needs at least one member")
        InputError.collect([problem for member in members for problem in objects(nn.Module, members=member)])
        self.members = nn.ModuleList(members)
        self.shape = getattr(members[0], "shape", None)

    def forward(self, x: Tensor) -> Tensor:
        return self._log_p(x).amin(0)

    def agreed(self, x: Tensor) -> Tensor:
        """Whether every member finds a class likelier than all others; B×K bool, one True in a row at most."""
        log_p = self._log_p(x)
        highest, second = log_p.topk(2, dim=2).values.unbind(2)
        return ((log_p == highest[..., None]) & (highest > second)[..., None]).all(0)

    def _log_p(self, x: Tensor) -> Tensor:
        """M×B×K."""
        logits = [member(x) for member in self.members]
        if len({v.shape for v in logits}) > 1:
            raise InputError(f"the members of a committee give outputs of shapes {[tuple(v.shape) for v in logits]}")
        return torch.stack([v.log_softmax(1) for v in logits])
