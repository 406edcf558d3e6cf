"""How an image flow begins: from bounded grey values to the real line."""

from FrEIA.modules import InvertibleModule

from networks.checks import between, whole
from networks.errors import InputError
from networks.flows.layers.centre import Centre
from networks.flows.layers.dequantize import cell_bounds
from networks.flows.layers.logit import Logit
from networks.flows.layers.marginals import Marginals


def flow_numbers(
    levels: int, n_bits: int | None, alpha: float | None, marginal_bins: int, num_conditions: int
) -> list[str]:
    """What is wrong with the numbers that all image flows take, a sentence each."""
    return (
        whole(2, levels=levels)
        + whole(0, marginal_bins=marginal_bins, num_conditions=num_conditions)
        + ([] if n_bits is None else whole(1, n_bits=n_bits))
        + ([] if alpha is None else between(0, 0.5, alpha=alpha))
    )


def bounded_to_real(
    dims_in: list[tuple[int, ...]], levels: int, alpha: float | None, marginal_bins: int
) -> InvertibleModule:
    """First layer of an image flow: ``Marginals`` with so many bins, or else a ``Logit`` with α, or else ``Centre``.

    Raises:
        InputError: both ``alpha`` and ``marginal_bins`` are given.
    """
    if alpha is not None and marginal_bins:
        raise InputError(
            f"choose the logit (alpha={alpha}) or marginal_bins={marginal_bins}: set alpha: null or marginal_bins: 0"
        )
    if marginal_bins:
        return Marginals(dims_in, levels=levels, bins=marginal_bins)
    return Centre(dims_in) if alpha is None else Logit(dims_in, bounds=cell_bounds(levels), alpha=alpha)
