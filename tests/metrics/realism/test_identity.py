import torch

from metrics import Recognised


def test_against_correlations_of_numpy() -> None:
    torch.manual_seed(0)
    x, others = torch.rand(300, 1, 4, 4), torch.rand(50, 1, 4, 4)
    x_prime = x + 0.4 * torch.randn(x.shape)
    of_both = torch.corrcoef(torch.cat([x_prime, x, others]).flatten(1))
    own, strangers = of_both[:300, 300:600].diagonal(), of_both[:300, 600:]
    expected = own > strangers.amax(1)
    assert 0.2 < expected.float().mean() < 0.8
    assert torch.equal(Recognised(others)(x_prime, x), expected)


def test_brightness_and_contrast_are_nobodys_identity() -> None:
    torch.manual_seed(0)
    x = torch.rand(20, 3, 5, 5)
    recognised = Recognised(torch.cat([torch.rand(100, 3, 5, 5), x]))
    assert recognised(0.3 * x + 0.5, x).all(), "also where the original is among the others"
    assert not recognised(x.roll(1, 0), x).any()


def test_what_says_nothing_is_not_recognised() -> None:
    x = torch.rand(3, 1, 4, 4)
    x_prime = x.clone()
    x_prime[1], x_prime[2, 0, 0, 0] = 0.5, torch.nan
    assert Recognised(torch.cat([torch.rand(9, 1, 4, 4), torch.ones(1, 1, 4, 4)]))(x_prime, x).tolist() == [
        True,
        False,
        False,
    ]
