"""Circular convolution over channels, height and width at once."""

import torch
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from networks.flows.linear.cache import WeightCache
from networks.flows.linear.periodic_conv import rfft_weights
from networks.precision import forward_without_autocast


class CircularConv(InvertibleModule):
    """z = F₃⁻¹(F₃(x) ⊙ F₃(k)), k of the size of x; log|det| = Σ log|F₃(k)| (Hvilshøj 2020, "3D Circular Convolutions").

    One scalar kernel over (C, H, W): O(CHW log CHW) both ways, where ``PeriodicConv`` inverts a C×C
    matrix at every frequency. The kernel starts near the identity.

    Args:
        noise: standard deviation of the start around the identity, of the spectrum.

    Shapes:
        x of B×C×H×W → z of B×C×H×W.
    """

    def __init__(self, dims_in, dims_c=None, noise: float = 0.02):
        super().__init__(dims_in, dims_c)
        self.size = tuple(dims_in[0])
        kernel = noise * torch.randn(self.size) / torch.tensor(self.size).prod().sqrt()
        kernel[0, 0, 0] += 1
        self.kernel = nn.Parameter(kernel)
        self._spectrum = WeightCache()

    @forward_without_autocast
    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        spectrum, log_det = self._spectrum((self.kernel,), self._compute_spectrum)
        x_hat = torch.fft.rfftn(x, dim=(1, 2, 3))
        out = torch.fft.irfftn(x_hat / spectrum if rev else x_hat * spectrum, s=self.size, dim=(1, 2, 3))
        log_det = log_det.expand(len(x))
        return (out,), -log_det if rev else log_det

    def _compute_spectrum(self) -> tuple[Tensor, Tensor]:
        spectrum = torch.fft.rfftn(self.kernel)
        magnitude = spectrum.abs().log()
        return spectrum, (magnitude * rfft_weights(self.size[2], magnitude)).sum()

    def output_dims(self, input_dims):
        return input_dims
