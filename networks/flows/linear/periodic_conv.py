"""Convolution on a torus, by the Fourier transform of its kernel."""

import torch
import torch.nn.functional as F
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from networks.errors import InputError
from networks.flows.linear.cache import WeightCache
from networks.precision import forward_without_autocast


class PeriodicConv(InvertibleModule):
    """z = W ⋆ x with circular padding; log|det| = Σ_{u,v} log|det Ŵ_uv|.

    Ŵ_uv is the C×C matrix that the kernel is at frequency (u, v): one frequency of z depends on the
    same frequency of x alone (Hoogeboom et al. 2019, *Emerging Convolutions*, 3.2). The kernel
    starts near the identity. Ŵ⁻¹ and the log-determinant are computed once in evaluation.

    Args:
        kernel_size: odd side of the kernel.
        noise: standard deviation of its start around the identity.

    Shapes:
        x of B×C×H×W → z of B×C×H×W.

    Raises:
        InputError: an even kernel, or one larger than the image.
    """

    def __init__(self, dims_in, dims_c=None, kernel_size: int = 3, noise: float = 0.02):
        super().__init__(dims_in, dims_c)
        channels, *self.size = dims_in[0]
        if kernel_size % 2 == 0 or kernel_size > min(self.size):
            raise InputError(
                f"kernel_size must be odd and at most {min(self.size)}, the image's side; got {kernel_size}"
            )
        self.padding = kernel_size // 2
        kernel = noise * torch.randn(channels, channels, kernel_size, kernel_size)
        kernel[:, :, self.padding, self.padding] += torch.eye(channels)
        self.kernel = nn.Parameter(kernel)
        self._log_det, self._inverse = WeightCache(), WeightCache()

    @forward_without_autocast
    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        weights = (self.kernel,)
        log_det = self._log_det(weights, self._compute_log_det).expand(len(x)) if jac else x.new_zeros(len(x))
        if rev:
            inverse = self._inverse(weights, lambda: torch.linalg.inv(self._spectrum()))
            out = torch.einsum("hwij,bjhw->bihw", inverse, torch.fft.rfft2(x))
            return (torch.fft.irfft2(out, s=self.size),), -log_det
        padding = (self.padding,) * 4
        return (F.conv2d(F.pad(x, padding, mode="circular"), self.kernel),), log_det

    def _spectrum(self) -> Tensor:
        """Ŵ, one C×C matrix a frequency of rfft2: H×(W//2+1)×C×C."""
        k = self.kernel.shape[-1]
        height, width = self.size
        padded = F.pad(self.kernel, (0, width - k, 0, height - k)).roll((-self.padding, -self.padding), (2, 3))
        # conv2d correlates: its spectrum is the conjugate of the kernel's.
        return torch.fft.rfft2(padded).conj().permute(2, 3, 0, 1)

    def _compute_log_det(self) -> Tensor:
        logabsdet = torch.linalg.slogdet(self._spectrum()).logabsdet
        return (logabsdet * rfft_weights(self.size[1], logabsdet)).sum()

    def output_dims(self, input_dims):
        return input_dims


def rfft_weights(n: int, like: Tensor) -> Tensor:
    """How often each bin of a real transform of length n stands for a bin of the full one: 1 or 2; n//2+1."""
    weights = torch.full((n // 2 + 1,), 2.0, dtype=like.dtype, device=like.device)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights
