"""Convolutions that halve and double images of any size without checkerboards."""

from torch import nn


def halving(c_in: int, c_out: int, size: tuple[int, int]) -> nn.Conv2d:
    """4×4 of an even height and width ``size``, 3 of odd ones: every pixel counts as often, in the gradient, too.

    With 3×3 at a stride of 2 the gradient is a checkerboard, and so was what a generator learnt from it.
    """
    return nn.Conv2d(c_in, c_out, _kernel(size), stride=2, padding=1)


def doubling(c_in: int, c_out: int, size: tuple[int, int], bias: bool = True) -> nn.ConvTranspose2d:
    """4×4 to an even height and width ``size``: every pixel gets as many terms, and no checkers; 3 to odd ones."""
    return nn.ConvTranspose2d(c_in, c_out, _kernel(size), stride=2, padding=1, bias=bias)


def _kernel(size: tuple[int, int]) -> tuple[int, int]:
    return 4 - size[0] % 2, 4 - size[1] % 2
