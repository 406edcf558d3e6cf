"""Every pixel's own distribution, made normal before the couplings see it."""

import math

import torch
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from networks.errors import InputError
from networks.flows.layers.dequantize import cell_bounds
from networks.flows.layers.first_batch import FirstBatch, sum_over_ranks

EDGE = 1e-3  # Φ⁻¹ is taken of [EDGE, 1 − EDGE]: |z| ≤ 3.1 inside the grey values, linear beyond
MIN_SHARE = 1e-4  # smallest width and height of a bin, in shares of the whole
TINY = 1e-12  # the root in a spline's inverse has no gradient at 0
PSEUDO_COUNT = 8.0  # what all pixels together count in the start of each


class Marginals(InvertibleModule):
    """z = Φ⁻¹(F(x)), F a monotone rational-quadratic spline per pixel that becomes its distribution function.

    Most pixels of most data sets are nearly constant (MNIST: 81 % black). Under a logit such a
    pixel is a sliver of dequantisation noise, and a white one lies 80 slivers away: couplings spend
    their capacity on stretching noise, and its uniform shape costs 0.25 bits a pixel under an
    affine map to the normal. F takes each pixel there exactly, and puts "white" where it belongs:
    as far out as it is rare. Couplings that follow start from the identity in a space where every
    pixel alone is already standard normal.

    The spline is that of Durkan et al. 2019, *Neural Spline Flows*, 3.1, with linear tails; the first
    batch in training sets its knots (shared by all ranks), gradients refine them.

    Args:
        levels: grey values, 256 for 8 bits.
        bins: bins of the spline, an even number from 4. They start narrow at both ends of the range: 16
            bins have one grey value of 256 in the first and in the last.

    Shapes:
        x of B×C×H×W, grey values dequantised within ``cell_bounds(levels)``, → z of the same shape.
    """

    def __init__(self, dims_in, dims_c=None, levels: int = 256, bins: int = 16):
        super().__init__(dims_in, dims_c)
        self.levels, self.bins = levels, bins
        dims = tuple(dims_in[0])
        if bins < 4 or bins % 2:
            raise InputError(f"bins must be an even number from 4; got {bins}")
        widths = initial_widths(bins)
        self.log_widths = nn.Parameter(widths.log().repeat(*dims, 1))
        self.log_heights = nn.Parameter(widths.log().repeat(*dims, 1))
        self.log_slopes = nn.Parameter(torch.zeros(*dims, bins + 1))
        self.first_batch = FirstBatch()

    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        low, high = cell_bounds(self.levels)
        if rev:
            u = (torch.special.ndtr(x) - EDGE) / (1 - 2 * EDGE)
            v, log_slope = self._spline(u, rev=True)
            log_det = self._log_det(x, log_slope, high - low)
            return (low + (high - low) * v,), -log_det
        v = (x - low) / (high - low)
        self.first_batch(self._initialize, v)
        u, log_slope = self._spline(v)
        z = torch.special.ndtri(EDGE + (1 - 2 * EDGE) * u)
        return (z,), self._log_det(z, log_slope, high - low)

    def _knots(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Widths and heights of the bins (…×K), the knots' places (…×(K+1) each), and slopes there."""
        widths, heights = (
            MIN_SHARE + (1 - self.bins * MIN_SHARE) * p.softmax(-1) for p in (self.log_widths, self.log_heights)
        )
        at_v, at_u = (torch.cat([s.new_zeros(*s.shape[:-1], 1), s.cumsum(-1)], -1) for s in (widths, heights))
        slopes = heights / widths
        outer = torch.cat([slopes[..., :1], (slopes[..., 1:] + slopes[..., :-1]) / 2, slopes[..., -1:]], -1)
        return widths, heights, at_v, at_u, outer * self.log_slopes.exp()

    def _spline(self, value: Tensor, rev: bool = False) -> tuple[Tensor, Tensor]:
        """F(v) or its inverse, and log F′ at v; v of B×C×H×W."""
        widths, heights, at_v, at_u, slopes = self._knots()
        inner = (at_u if rev else at_v)[..., 1:-1]
        k = (value[..., None] >= inner).sum(-1).flatten(1).T
        w, h, v0, u0, d0, d1 = (
            t.flatten(0, -2).gather(1, i).T.reshape(value.shape)  # a row of t a pixel, a column of i a sample
            for t, i in ((widths, k), (heights, k), (at_v, k), (at_u, k), (slopes, k), (slopes, k + 1))
        )
        return rational_quadratic(value, v0, u0, w, h, d0, d1, rev)

    def _log_det(self, z: Tensor, log_slope: Tensor, span: float) -> Tensor:
        # du/dv = F′, dz/du = (1 − 2 EDGE) / φ(z), dv/dx = 1 / span
        log_phi = -0.5 * (z.square() + math.log(2 * math.pi))
        return (log_slope - log_phi + math.log((1 - 2 * EDGE) / span)).flatten(1).sum(1)

    def _initialize(self, v: Tensor) -> None:
        knots = self._knots()[2][..., 1:]
        below = torch.stack([(v <= knot).sum(0) for knot in knots.movedim(-1, 0)], -1).double()
        counts = sum_over_ranks(torch.diff(below, dim=-1, prepend=torch.zeros_like(below[..., :1])))
        pooled = counts.flatten(0, -2).sum(0)
        prior = 0.9 * pooled / pooled.sum() + 0.1 * initial_widths(self.bins).to(pooled)
        self.log_heights.copy_((counts + PSEUDO_COUNT * prior).log())

    def output_dims(self, input_dims):
        return input_dims


def rational_quadratic(
    value: Tensor, v0: Tensor, u0: Tensor, w: Tensor, h: Tensor, d0: Tensor, d1: Tensor, rev: bool
) -> tuple[Tensor, Tensor]:
    """One bin [v0, v0 + w] → [u0, u0 + h] with slopes d0 and d1 at its ends, linear outside (Durkan et al., eq. 4–8).

    Returns:
        u of v (or v of u where ``rev``), and log du/dv there; all tensors of one shape.
    """
    s = h / w
    r0, r1 = d0 / s, d1 / s  # slopes at the ends, in units of the bin's own
    t = (value - (u0 if rev else v0)) / (h if rev else w)
    inside = t.clamp(0, 1)
    if rev:
        b = r0 - inside * (r0 + r1 - 2)
        root = (b.square() + 4 * (1 - b) * inside).clamp(min=TINY).sqrt()
        xi = 2 * inside / (b + root)
    else:
        xi = inside
    mix = xi * (1 - xi)
    bottom = 1 + (r0 + r1 - 2) * mix
    log_slope = torch.log(s * (r1 * xi.square() + 2 * mix + r0 * (1 - xi).square())) - 2 * bottom.log()
    end = torch.where(t < 0, d0, d1)
    if rev:
        return v0 + w * xi + (t - inside) * h / end, log_slope
    return u0 + h * (xi.square() + r0 * mix) / bottom + (t - inside) * w * end, log_slope


def initial_widths(bins: int) -> Tensor:
    """Shares 1, 1, 2, 4, … from either end to the middle."""
    half = torch.tensor([1.0, *(2.0**i for i in range(bins // 2 - 1))])
    return torch.cat([half, half.flip(0)]) / (2 * half.sum())
