"""Gradients of a predictor that looks several times."""

from functools import lru_cache

import torch
from torch import Tensor

from networks.checks import not_negative, seeds, whole
from networks.errors import InputError
from networks.gans.shifted import shifted

DRAWN = 64  # looks that a search goes through in turn


class Smoothing:
    """Averages the loss over K noisy and shifted copies of g(z): one decode, K predictions.

    What a predictor sees in one image alone is often its own; what it sees in all of them other models see as well
    (SmoothGrad, Smilkov et al. 2017; expectation over transformations, Athalye et al. 2018). Hits are judged on the
    image itself. Every row goes through the same 64 looks in turn, from the first: it does not depend on its batch.

    Args:
        copies: K.
        noise: standard deviation of Gaussian noise, in units of x.
        shift: largest shift of an image along each axis, in pixels, drawn evenly; borders are repeated.
        seed: of the looks.

    Raises:
        InputError: a number out of its range, or neither noise nor shift.
    """

    def __init__(self, copies: int = 8, noise: float = 0.1, shift: float = 0.0, seed: int = 0) -> None:
        InputError.collect(whole(1, DRAWN, copies=copies) + not_negative(noise=noise, shift=shift) + seeds(seed=seed))
        if not noise and not shift:
            raise InputError("Smoothing with neither noise nor shift looks K times at the same image; set one of them")
        self.copies, self.noise, self.shift, self.seed = copies, noise, shift, seed
        self._looks = lru_cache(maxsize=1)(self._draw)

    def __call__(self, x: Tensor, steps: Tensor) -> Tensor:
        """Copies of x (n×``shape``) at each row's own step (n int64); nK×``shape``, a row's copies together."""
        noise, shift = self._looks(tuple(x.shape[1:]))
        which = (steps[:, None] * self.copies + torch.arange(self.copies, device=x.device)).flatten() % DRAWN
        copies = x.repeat_interleave(self.copies, 0)
        if self.shift:
            copies = shifted(copies, shift.to(x)[which])
        return copies + self.noise * noise.to(x)[which] if self.noise else copies

    def _draw(self, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Noise of 64×``shape``, and shifts of 64×2 in pixels."""
        if self.shift and len(shape) != 3:
            raise InputError(f"Smoothing shifts images; the samples have shape {shape}: leave shift out")
        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(DRAWN, *shape, generator=generator)
        return noise, self.shift * (2 * torch.rand(DRAWN, 2, generator=generator) - 1)
