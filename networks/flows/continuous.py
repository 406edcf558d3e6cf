"""A continuous normalizing flow: the solution map of an ordinary differential equation."""

import math

import torch
from torch import Tensor, nn

from networks.checks import finite, positive, whole
from networks.errors import InputError
from networks.flows.flow import Flow, Latent
from networks.flows.signs import random_signs
from networks.flows.solvers import Midpoint, Solver

STEPS = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)  # numbers of steps that ``choose_steps`` tries


class ContinuousFlow(Flow):
    """g: z = x₀ ↦ x₁ along dxₜ/dt = v(xₜ, t) (Chen et al. 2018, *Neural Ordinary Differential Equations*).

    v is learned by flow matching (``lightning_modules.FlowMatchingModule``): no inverse and no
    determinant is needed for that. The solution map of a smooth v is a diffeomorphism; integrated
    in finitely many steps its inverse holds up to an error that falls with the steps, and
    ``choose_steps`` takes as many as an error asked for needs.

    Args:
        velocity: (xₜ of B×``shape``, t of B, condition or ``None``) → v of B×``shape``, with attributes
            ``shape`` and ``num_conditions``, e.g. ``VelocityUNet``.
        solver: of the differential equation.
        steps: of the solver, to begin with.
        levels: grey values of the images; ``None`` for continuous data.
        mean, std: the flow's data is (x − mean) / std.
        num_probes: random vectors of Hutchinson's estimate of the divergence, in the log-likelihood, drawn for every
            sample by what is in it (``random_signs``): errors average out over a data set. 0 for the exact trace, at D
            backward passes an evaluation.

    Attributes:
        steps: number of steps, a buffer: checkpoints keep it.
    """

    steps: Tensor

    def __init__(
        self,
        velocity: nn.Module,
        solver: Solver | None = None,
        steps: int = 8,
        levels: int | None = 256,
        mean: float = 0.5,
        std: float = 0.5,
        num_probes: int = 1,
    ) -> None:
        InputError.collect(
            whole(1, steps=steps)
            + ([] if levels is None else whole(2, levels=levels))
            + finite(mean=mean)
            + positive(std=std)
            + whole(0, num_probes=num_probes)
        )
        super().__init__(velocity.shape, velocity, levels, velocity.num_conditions)  # type: ignore[arg-type]
        self.solver = solver or Midpoint()
        self.mean, self.std, self.num_probes = mean, std, num_probes
        self.register_buffer("steps", torch.tensor(steps))

    def velocity(self, x: Tensor, t: Tensor, condition: Tensor | None = None) -> Tensor:
        """v(xₜ, t) in the flow's own scale; xₜ of B×``shape``, t of B, classes or attributes of B."""
        return self.layers(x, t, *(self._condition(condition) or ()))

    def to_data(self, x: Tensor) -> Tensor:
        """Images in [0, 1] → x₁."""
        return (x - self.mean) / self.std

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Latent:
        """z and log|det ∂z/∂x| = −∫₀¹ tr ∂v/∂x dt − D log std, integrated together (ibid., theorem 1)."""
        if torch.is_inference_mode_enabled():  # the divergence is a gradient, and Lightning tests without any
            with torch.inference_mode(False), torch.no_grad():
                return self(x.clone(), None if condition is None else condition.clone())
        start = torch.cat([self.to_data(x).flatten(1), x.new_zeros(len(x), 1)], 1)
        probes = self._probes(x)

        def field(y: Tensor, t: Tensor) -> Tensor:
            v, divergence = self._velocity_and_divergence(y[:, :-1].view_as(x), t, condition, probes)
            return torch.cat([v.flatten(1), divergence[:, None]], 1)

        end = self.solver.integrate(field, start, self._times(x).flip(0))
        return Latent(end[:, :-1], end[:, -1] - self.dim * math.log(self.std))

    def encode(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """z of B×D, without the log-determinant."""
        return self._integrate(self.to_data(x), condition, self._times(x).flip(0)).flatten(1)

    def inverse(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        x = self._integrate(z.view(-1, *self.shape), condition, self._times(z))
        return x * self.std + self.mean

    def choose_steps(self, x: Tensor, error: float, condition: Tensor | None = None) -> float:
        """Take the fewest steps with which decode(encode(x)) differs from x by ``error`` at most.

        Args:
            x: samples to try them on, B×``shape``.
            error: root mean square over samples and pixels, in units of x.

        Returns:
            the error at that many steps; at the most of ``STEPS`` where none is enough.
        """
        for steps in STEPS:
            self.steps.fill_(steps)
            found = self.reconstruction_error(x, condition)
            if found <= error:
                break
        return found

    @torch.no_grad()
    def reconstruction_error(self, x: Tensor, condition: Tensor | None = None) -> float:
        """Root mean square of decode(encode(x)) − x."""
        return float((self.inverse(self.encode(x, condition), condition) - x).square().mean().sqrt())

    def _integrate(self, x: Tensor, condition: Tensor | None, times: Tensor) -> Tensor:
        return self.solver.integrate(lambda y, t: self.velocity(y, t.expand(len(y)), condition), x, times)

    def _times(self, like: Tensor) -> Tensor:
        return torch.linspace(0, 1, int(self.steps) + 1, dtype=like.dtype, device=like.device)

    def _probes(self, x: Tensor) -> Tensor:
        """The axes, D×1×D, or signs that are every sample's own, M×B×D: a likelihood does not depend on its batch."""
        if not self.num_probes:
            return torch.eye(self.dim, dtype=x.dtype, device=x.device)[:, None]
        return random_signs(x, self.num_probes)

    def _velocity_and_divergence(
        self, x: Tensor, t: Tensor, condition: Tensor | None, probes: Tensor
    ) -> tuple[Tensor, Tensor]:
        """v, and tr ∂v/∂x as Σ_m e_mᵀ(∂v/∂x)e_m over the axes, or its mean over random signs; B."""
        graph = torch.is_grad_enabled()
        with torch.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            v = self.velocity(x, t.expand(len(x)), condition)
            total = torch.zeros_like(v.flatten(1)[:, 0])
            for probe in probes:
                e = probe.expand(len(x), -1).view_as(x)
                (product,) = torch.autograd.grad(v, x, e, retain_graph=True, create_graph=graph)
                total = total + (product * e).flatten(1).sum(1)
        return v, total / max(self.num_probes, 1)
