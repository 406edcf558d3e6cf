import torch

from networks.flows import Whiten
from tests.networks.flows.identities import check_layer, check_start_and_beyond, perturb


def test_identities() -> None:
    check_start_and_beyond(Whiten([(4, 4, 6)]))


def test_conditional_whitening_is_the_log_density_of_the_prior() -> None:
    layer = Whiten([(2, 1, 1)], [(3,)]).double()
    perturb(layer, 0.5)
    h, c = torch.randn(4, 2, 1, 1, dtype=torch.float64), torch.rand(4, 3, dtype=torch.float64)
    check_layer(layer, h[:1], [c[:1]])
    (z,), log_det = layer([h], [c])
    mean, log_std = (torch.cat([torch.ones(4, 1), c], 1) @ layer.prior).chunk(2, 1)
    base = torch.distributions.Normal(0.0, 1.0).log_prob(z.flatten(1)).sum(1)
    expected = torch.distributions.Normal(mean, log_std.exp()).log_prob(h.flatten(1)).sum(1)
    assert torch.allclose(base + log_det, expected)
