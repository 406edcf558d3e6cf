"""The latents of a hierarchical autoencoder as coordinates."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from counterfactuals.charts.chart import Chart
from networks.adapter import inside
from networks.autoencoders.hierarchical import HierarchicalVAE, Normal, condition
from networks.errors import InputError
from networks.weights import weights_hash

EDGE = 1e-3  # of ξ in (0, 1): its coordinate then stays within ±3.1


class HierarchicalChart(Chart):
    """z = (u, Φ⁻¹(ξ)): the posterior's means in units of the prior, level by level from the top, and the condition.

    u of ``HierarchicalVAE.encode``, so that z of the lower levels follows a top that moves; ξ is what the explained
    predictor says, and a coordinate like the others: ascent may turn it, ``Relaxation`` sets it.

    Args:
        vae: the autoencoder.
        conditioned_on: hash of the weights of the classifier that it was trained to explain; "" for any.
        levels: of these many levels from the top, and of ξ, a search gets gradients; ``None`` for all. The others
            stay what they were in x.

    Raises:
        InputError: on use, another predictor than the one that it was trained to explain, or none.
    """

    exact = False
    decoders = ("decode", "relax")

    def __init__(self, vae: HierarchicalVAE, conditioned_on: str = "", levels: int | None = None) -> None:
        super().__init__()
        if levels is not None and not 0 <= levels <= len(vae.latents):
            raise InputError(f"levels must be 0 to {len(vae.latents)}, the levels of the autoencoder; got {levels}")
        self.vae, self.conditioned_on, self.levels = vae, conditioned_on, levels
        self.shape, self.dim = vae.shape, vae.latent_dim + vae.condition_dim
        self._predictor: list[nn.Module] = []  # in a list: it is no part of the chart's weights

    def explaining(self, predictor: nn.Module) -> None:
        if self.conditioned_on and weights_hash(inside(predictor)) != self.conditioned_on:
            raise InputError(
                "the chart is a VAEX that was trained to explain another classifier: its condition would say nothing "
                "of this one. Explain that classifier, or train VAEX with this one in callbacks.StoredProbabilities"
            )
        self._predictor = [predictor]

    def condition(self, x: Tensor) -> Tensor:
        """ξ of what the explained predictor says of x of B×``shape``, B×(C − 1)."""
        if not self._predictor:
            raise InputError("VAEX encodes x with what a predictor says of it: call chart.explaining(predictor) first")
        return condition(self._predictor[0](x))

    def encode(self, x: Tensor) -> Tensor:
        xi = self.condition(x)
        return torch.cat([self.vae.encode(x, xi), self.coordinates(xi)], 1)

    def decode(self, z: Tensor) -> Tensor:
        u, coordinates = z.split([self.vae.latent_dim, self.vae.condition_dim], 1)
        if self.levels is not None:
            above = sum(c * h * w for c, h, w in self.vae.latents[: self.levels])
            u = torch.cat([u[:, :above], u[:, above:].detach()], 1)
        return self.vae.decode(u, torch.special.ndtr(coordinates))

    def relax(
        self,
        x: Tensor,
        xi: Tensor,
        r: Tensor,
        noise: Sequence[Tensor],
        relax_variance: bool = False,
        xi_of_x: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """z′ and x′ under the condition ξ, the posterior's differences from the prior times r, r², r⁴, … from the top.

        At r = 0 a level's mean is the prior's; its σ remains the posterior's unless ``relax_variance``, and the noise
        is added whatever r is. x is looked at once for all r. See ``Relaxation``.

        Args:
            x: n×``shape``.
            xi: ξ, n×(C − 1).
            r: n×G in [0, 1].
            noise: of every level from the top, 1×c×h×w, in posterior standard deviations.
            relax_variance: also of the differences of log σ.
            xi_of_x: condition under which x is looked at, n×(C − 1); ξ unless given.

        Returns:
            z′ of nG×D, and the mean of x′, nG×``shape``.
        """
        g, observed = r.shape[1], self.vae.observe(x, xi if xi_of_x is None else xi_of_x)
        top, *hidden = (t.repeat_interleave(g, 0) for t in (observed.top.at(noise[0]), *observed.hidden))
        observed, xi, r = observed._replace(hidden=hidden), xi.repeat_interleave(g, 0), r.flatten()
        moved = self.vae.prior_of_top(xi).mean
        z0 = torch.cat([moved[:, : xi.shape[1]], top[:, xi.shape[1] :]], 1)
        u = [z0 - moved]

        def infer(i: int, d: Tensor, prior: Normal) -> Tensor:
            delta, share = self.vae.difference(i, d, observed), (r ** (2**i))[:, None, None, None]
            log_sigma = share * delta.log_sigma if relax_variance else delta.log_sigma
            z = prior.plus(Normal(share * delta.mean, log_sigma)).at(noise[i + 1])
            u.append((z - prior.mean) * (-prior.log_sigma).exp())
            return z

        x = self.vae.likelihood.mean(self.vae.descend(z0, xi, infer))
        return torch.cat([*(level.flatten(1) for level in u), self.coordinates(xi)], 1), x

    @staticmethod
    def coordinates(xi: Tensor) -> Tensor:
        """Φ⁻¹(ξ): normal where ξ is uniform."""
        return torch.special.ndtri(xi.clamp(EDGE, 1 - EDGE))
