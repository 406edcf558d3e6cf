import math

import pytest
import torch

from metrics import bits_per_dim


def test_uniform_noise_costs_the_bits_of_its_levels() -> None:
    """The uniform density on [−½/255, 1 + ½/255]^D gives every discrete image 256⁻ᴰ: 8 bits a dimension."""
    dim = 12
    log_prob = torch.tensor(-dim * math.log(256 / 255))
    assert float(bits_per_dim(log_prob, dim, levels=256)) == pytest.approx(8.0, abs=1e-5)


def test_continuous_data_has_no_cells() -> None:
    assert float(bits_per_dim(torch.tensor(3 * math.log(2)), 3, None)) == pytest.approx(-1.0)


def test_fewer_bits_cost_fewer() -> None:
    dim = 12
    log_prob = torch.tensor(-dim * math.log(256 / 255))
    assert float(bits_per_dim(log_prob, dim, levels=256, n_bits=5)) == pytest.approx(5.0, abs=1e-5)
