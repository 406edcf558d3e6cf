"""What every flow offers."""

from functools import partial

import pytest
import torch

from networks import ConvNet, Glow, InputError
from tests.networks.flows.identities import perturb

TINY = partial(Glow, [1, 8, 8], num_steps=2, num_scales=2, subnet=partial(ConvNet, width=8))


def test_interpolation_ends_at_its_ends() -> None:
    flow = TINY(alpha=0.05)
    perturb(flow, 0.03)
    x, other = torch.rand(2, 3, 1, 8, 8)
    way = flow.interpolate(x, other, 4)
    assert way.shape == (4, 3, 1, 8, 8)
    assert torch.allclose(way[0], x, atol=1e-4) and torch.allclose(way[-1], other, atol=1e-4)


def test_wrong_conditions() -> None:
    flow = TINY(num_conditions=3)
    x, y = torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 2, 2])
    with pytest.raises(InputError, match="needs a condition"):
        flow(x)
    with pytest.raises(InputError, match="classes 0 to 3; this flow knows 0 to 2"):
        flow(x, y + torch.tensor([0, 0, 1, 0]))
    with pytest.raises(InputError, match=r"shape \(4, 2\); this flow needs"):
        flow(x, torch.rand(4, 2))
    with pytest.raises(InputError, match="takes no condition"):
        TINY()(x, y)
