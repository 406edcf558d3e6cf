import pytest
import torch

from networks import InputError
from networks.flows import Marginals
from tests.networks.flows.identities import check_layer, perturb


def test_marginals_identities() -> None:
    layer = Marginals([(2, 3, 3)], levels=256, bins=8).double()
    perturb(layer, 0.5)
    check_layer(layer.eval(), torch.rand(3, 2, 3, 3, dtype=torch.float64))


def test_marginals_make_every_pixel_normal_from_its_first_batch() -> None:
    """Black pixels with a few bright ones, as in MNIST; a second batch of the same kind is normal, too."""

    def images(n: int) -> torch.Tensor:
        bright = torch.rand(n, 1, 2, 2) < torch.tensor([[0.0, 0.1], [0.5, 1.0]])
        grey = torch.where(bright, torch.randint(0, 256, (n, 1, 2, 2)), torch.zeros(()))
        return (grey + torch.rand(n, 1, 2, 2) - 0.5) / 255

    layer = Marginals([(1, 2, 2)]).train()
    layer([images(2000)])
    (z,), _ = layer([images(20_000)])
    assert z.mean(0).abs().max() < 0.1 and (z.std(0) - 1).abs().max() < 0.1
    assert z.abs().max() < 3.2


def test_marginals_are_linear_beyond_the_grey_values() -> None:
    """A search may leave [0, 1]; the spline must go on, or its gradient vanishes."""
    layer = Marginals([(1, 1, 1)], bins=4).double()
    perturb(layer, 0.5)
    z = torch.linspace(-3.4, 3.4, 200, dtype=torch.float64).view(-1, 1, 1, 1)
    (x,), _ = layer([z], rev=True)
    assert (x.diff(dim=0) > 0).all()
    low, high = x.min(), x.max()
    assert low < -0.5 / 255 and high > 1 + 0.5 / 255


@pytest.mark.parametrize("bins", [2, 7])
def test_marginals_need_an_even_number_of_bins(bins: int) -> None:
    with pytest.raises(InputError, match=f"even number from 4; got {bins}"):
        Marginals([(1, 2, 2)], bins=bins)
