import pytest
import torch
from jsonargparse import ArgumentParser
from torch import Tensor, nn

from counterfactuals import Amortised, Exponential, InputError, Optimised
from counterfactuals.inversion import Inversion
from networks import DCGenerator


class Linear(nn.Module):
    """g(z) = A z, of full rank: ẑ is known."""

    def __init__(self, dim: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.dim, self.shape = nn.Parameter(torch.randn(9, dim)), dim, (1, 3, 3)

    def forward(self, z: Tensor) -> Tensor:
        return (z @ self.a.T).view(-1, 1, 3, 3)


def test_a_linear_generators_z_is_found() -> None:
    generator, z = Linear(), torch.randn(5, 4)
    found = Optimised(steps=800, starts=2, step_size=0.2).invert(generator, generator(z).detach())
    assert torch.allclose(found.z, z, atol=1e-3) and float(found.error.max()) < 1e-3
    assert not generator.a.grad and generator.a.requires_grad, "the generator is left as it was"


def test_of_an_image_beyond_reach_the_nearest() -> None:
    generator, x = Linear(), torch.rand(3, 1, 3, 3)
    found = Optimised(steps=800, starts=1, step_size=0.2).invert(generator, x)
    nearest = torch.linalg.lstsq(generator.a.detach(), x.flatten(1).T).solution.T
    assert torch.allclose(found.z, nearest, atol=1e-2)
    off = (generator(nearest) - x).flatten(1).square().mean(1).sqrt()
    assert torch.allclose(found.error, off, atol=1e-4)


def test_rows_know_nothing_of_their_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    generator, inversion = DCGenerator([1, 8, 8], 3, [4]).eval(), Optimised(steps=12, starts=3)
    x = torch.rand(7, 1, 8, 8)
    together = inversion.invert(generator, x)
    for row in (0, 4):
        assert torch.allclose(inversion.encode(generator, x[row : row + 1]), together.z[row : row + 1], atol=1e-5)
    monkeypatch.setattr("counterfactuals.inversion.SLOTS", 4)
    assert torch.allclose(inversion.encode(generator, x), together.z, atol=1e-5)
    assert len(inversion.encode(generator, x[:0])) == 0


def test_the_best_start_counts() -> None:
    torch.manual_seed(0)
    generator = DCGenerator([1, 8, 8], 3, [4]).eval()
    x = generator(torch.randn(6, 3)).detach()
    one, four = (Optimised(steps=20, starts=starts).invert(generator, x).error for starts in (1, 4))
    assert bool((four <= one + 1e-6).all()) and float(four.sum()) < float(one.sum())


def test_an_encoder_is_refined_and_what_is_good_enough_ends() -> None:
    generator, z = Linear(), torch.randn(5, 4)
    x = generator(z).detach()

    class Near(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.linalg.lstsq(generator.a.detach(), x.flatten(1).T).solution.T + 0.05

    at_once, refined = (Amortised(Near(), steps=steps).encode(generator, x) for steps in (0, 50))
    assert torch.allclose(at_once, z + 0.05, atol=1e-4)
    assert float((refined - z).abs().max()) < 0.02
    ended = Optimised(500, 1, 0.05, encoder=Near(), good_enough=0.05, schedule=Exponential(1e6)).invert(generator, x)
    assert float(ended.error.max()) <= 0.05 and int(ended.steps.max()) < 50


def test_features_decide_what_counts() -> None:
    """With h = the first pixel alone the others may be anything."""

    class First(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1)[:, :1]

    generator, x = Linear(), torch.rand(3, 1, 3, 3)
    found = Optimised(steps=400, starts=1, step_size=0.1, features=First()).encode(generator, x)
    off = generator(found) - x
    assert float(off.flatten(1)[:, 0].abs().max()) < 1e-2 < float(off.abs().max())


def test_a_config_names_it() -> None:
    """A protocol that has ``__call__`` alone would be a function to jsonargparse, and no class would do."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--inversion", type=Inversion | None)
    given = parser.parse_args(["--inversion=counterfactuals.Optimised", "--inversion.steps=7"])
    assert parser.instantiate_classes(given).inversion.steps == 7


def test_numbers_out_of_their_range_are_named() -> None:
    with pytest.raises(InputError, match="starts must be positive"):
        Optimised(starts=0)
