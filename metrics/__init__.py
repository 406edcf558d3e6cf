"""Metrics: pure functions of tensors, and torchmetrics classes over them."""

from metrics.bits_per_dim import bits_per_dim
from metrics.fid import FID
from metrics.interpretability import im1, im2
from metrics.oracle import OracleAccuracy, agrees
from metrics.similarity import similarity
from metrics.spectrum import (
    Spectrum,
    dimension_above,
    effective_dimension,
    jacobian,
    leading_spectrum,
    smallest_sigma,
    spectrum,
)
from metrics.summary import summarize

__all__ = [
    "FID",
    "OracleAccuracy",
    "Spectrum",
    "agrees",
    "bits_per_dim",
    "dimension_above",
    "effective_dimension",
    "im1",
    "im2",
    "jacobian",
    "leading_spectrum",
    "similarity",
    "smallest_sigma",
    "spectrum",
    "summarize",
]
