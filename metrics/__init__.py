"""Metrics: pure functions of tensors, and torchmetrics classes over them."""

from metrics.active_units import ActiveUnits
from metrics.bits_per_dim import bits_per_dim
from metrics.certificate.axes import Axes
from metrics.certificate.calibration import Calibration
from metrics.certificate.certificate import certify
from metrics.certificate.grain import Grain
from metrics.cout import cout
from metrics.interpretability import im1, im2
from metrics.intervals import (
    difference_interval,
    half_sampling_interval,
    mean_interval,
    median_interval,
    share_interval,
)
from metrics.label_variation import label_variation
from metrics.localisation import LocalisationF1, localise
from metrics.oracle import decision, votes
from metrics.realism.distribution import FrechetDistance, KernelDistance, class_weights, in_proportion
from metrics.realism.feature_bank import FeatureBank
from metrics.realism.fid import FID
from metrics.realism.identity import Recognised
from metrics.realism.neighbours import Nearest, label_share
from metrics.realism.similarity import similarity
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
    "ActiveUnits",
    "Axes",
    "Calibration",
    "FeatureBank",
    "FrechetDistance",
    "Grain",
    "KernelDistance",
    "LocalisationF1",
    "Nearest",
    "Recognised",
    "Spectrum",
    "bits_per_dim",
    "certify",
    "class_weights",
    "cout",
    "decision",
    "difference_interval",
    "dimension_above",
    "effective_dimension",
    "half_sampling_interval",
    "im1",
    "im2",
    "in_proportion",
    "jacobian",
    "label_share",
    "label_variation",
    "leading_spectrum",
    "localise",
    "mean_interval",
    "median_interval",
    "share_interval",
    "similarity",
    "smallest_sigma",
    "spectrum",
    "summarize",
    "votes",
]
