"""The base space of a normalizing flow."""

from torch import Tensor

from counterfactuals.charts.chart import Chart
from networks.flows import Flow


class FlowChart(Chart):
    """z = f(x) of a normalizing flow: diffeomorphic counterfactuals (Dombrowski et al., II.C).

    Exact up to rounding, and with a ``ContinuousFlow`` up to its solver's error, which its training kept
    below the one asked for.
    """

    exact = True

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow
        self.shape = flow.shape
        self.dim = flow.dim

    def encode(self, x: Tensor) -> Tensor:
        return self.flow.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.flow.inverse(z)

    def encode_with_log_prob(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.flow.encode_with_log_prob(x)
