"""How far to go along a line from one class to another."""

from typing import Any, Protocol

from torch import Tensor

from counterfactuals.goals.objectives import Objective
from counterfactuals.methods.closed_form.line import Line
from networks.checks import finite, positive
from networks.errors import InputError


class Amount(Protocol):
    """How far to go."""

    def alpha(self, line: Line, objective: Objective, aim: Any) -> Tensor:
        """n lines, and what is asked of their ends → α, n float64; infinite where a line does not get there."""
        ...


class Reach:
    """The smallest α at which the objective is reached: p(t | z + α d) = Λ, or a logit margin of m."""

    def alpha(self, line: Line, objective: Objective, aim: Any) -> Tensor:
        return line.reaching(objective, aim)


class Boundary:
    """α = times · α₀, where α₀ lies on the boundary between the two classes, whatever the objective asks.

    Once is ECINN's α₀, and the slides' NN⁻¹(z − (βᵀz / ‖β‖²) β); twice mirrors z, so that the margin changes its sign.
    """

    def __init__(self, times: float = 1.0) -> None:
        InputError.collect(positive(times=times))
        self.times = times

    def alpha(self, line: Line, objective: Objective, aim: Any) -> Tensor:
        return self.times * line.boundary()


class Convincing:
    """α₁ = start + share · α₀, whatever is asked: far enough to convince people (ECINN, Hvilshøj et al. 2021).

    In units of the way between the classes' means, so it is for mixtures and for ``MeanEncodings``. 4/5 and 1/2 are
    those of the authors' published code.
    """

    def __init__(self, start: float = 0.8, share: float = 0.5) -> None:
        InputError.collect(finite(start=start, share=share))
        self.start, self.share = start, share

    def alpha(self, line: Line, objective: Objective, aim: Any) -> Tensor:
        return self.start + self.share * line.boundary()
