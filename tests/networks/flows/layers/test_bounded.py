import pytest
import torch

from networks import InputError
from networks.flows import Centre, Logit, Marginals
from networks.flows.layers.bounded import bounded_to_real

DIMS = [(1, 2, 2)]


@pytest.mark.parametrize(("alpha", "bins", "kind"), [(None, 0, Centre), (0.05, 0, Logit), (None, 8, Marginals)])
def test_one_of_three(alpha: float | None, bins: int, kind: type) -> None:
    assert isinstance(bounded_to_real(DIMS, 256, alpha, bins), kind)


@pytest.mark.parametrize(("alpha", "bins"), [(0.05, 0), (None, 8)])
def test_noise_of_dequantisation_stays_finite(alpha: float | None, bins: int) -> None:
    """Black and white with noise lie outside [0, 1], by half a cell."""
    layer = bounded_to_real(DIMS, 17, alpha, bins)
    x = torch.tensor([-0.5, 0.0, 16.0, 16.5]).view(1, 1, 2, 2) / 16
    (z,), log_det = layer([x])
    assert z.isfinite().all() and log_det.isfinite().all()


def test_two_at_once_are_refused() -> None:
    with pytest.raises(InputError, match=r"choose the logit \(alpha=0.05\) or marginal_bins=8"):
        bounded_to_real(DIMS, 256, 0.05, 8)
