import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from networks import BatchGaussian, Bernoulli, Gaussian, InputError
from networks.autoencoders import Likelihood
from tests.support.ranks import on_ranks


def test_bernoulli_is_that_of_torch() -> None:
    x, output = torch.randint(0, 2, (5, 2, 3, 3)).float(), 3 * torch.randn(5, 2, 3, 3)
    expected = torch.distributions.Bernoulli(logits=output).log_prob(x).flatten(1).sum(1)
    assert torch.allclose(Bernoulli().log_prob(x, output), expected, atol=1e-5)
    assert torch.equal(Bernoulli().mean(output), output.sigmoid())


def test_grey_pixels_are_most_likely_at_their_own_grey() -> None:
    x = torch.full((3, 1), 0.3)
    greys = torch.tensor([[0.2], [0.3], [0.4]])
    assert Bernoulli().log_prob(x, greys.logit()).argmax() == 1


@pytest.mark.parametrize("activation", [None, nn.Identity()])
def test_gaussians_are_those_of_torch(activation: nn.Module | None) -> None:
    x, output = torch.rand(5, 2, 3), torch.randn(5, 2, 3)
    learned, estimated = Gaussian(activation, 1e-3), BatchGaussian([2, 3], activation).eval()
    with torch.no_grad():
        learned.log_variance.fill_(-1.3)
        estimated.running_variance.uniform_(0.01, 2)
    mean = output if activation else output.sigmoid()
    for likelihood, std in ((learned, learned.variance.sqrt()), (estimated, estimated.running_variance.sqrt())):
        expected = torch.distributions.Normal(mean, std).log_prob(x).flatten(1).sum(1)
        assert torch.allclose(likelihood.log_prob(x, output), expected, atol=1e-5)
        assert torch.equal(likelihood.mean(output), mean)


def test_the_learned_variance_becomes_the_mean_square_error_and_stops_at_the_floor() -> None:
    x, output = torch.randn(500, 4), torch.zeros(500, 4)
    for scale, expected in ((0.5, 0.25), (0.0, 0.01)):
        likelihood = Gaussian(nn.Identity(), floor=0.01)
        optimizer = torch.optim.Adam(likelihood.parameters(), 0.1)
        for _ in range(250):
            optimizer.zero_grad()
            (-likelihood.log_prob(scale * x, output).mean()).backward()
            optimizer.step()
        assert likelihood.variance.item() == pytest.approx(expected, rel=0.05)


def test_a_batch_is_judged_by_the_variance_before_it_and_moves_it() -> None:
    likelihood = BatchGaussian([2], nn.Identity()).train()
    with torch.no_grad():
        likelihood.running_variance.copy_(torch.tensor([0.5, 2.0]))
    x = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    output = torch.zeros(2, 2, requires_grad=True)
    log_prob = likelihood.log_prob(x, output)
    before = torch.distributions.Normal(torch.zeros(2), torch.tensor([0.5, 2.0]).sqrt())
    assert torch.allclose(log_prob, before.log_prob(x).sum(1))
    assert torch.allclose(likelihood.running_variance, torch.tensor([0.9 * 0.5 + 0.1 * 5, 0.9 * 2 + 0.1 * 2]))
    log_prob.sum().backward()  # moving the buffer has not broken the graph
    assert torch.allclose(output.grad, x / torch.tensor([0.5, 2.0]))


def test_evaluation_moves_nothing_and_the_floor_holds() -> None:
    likelihood, x = BatchGaussian([3], nn.Identity(), floor=0.01), torch.zeros(4, 3)
    likelihood.eval().log_prob(x, x)
    assert torch.equal(likelihood.running_variance, torch.ones(3))
    likelihood.train()
    for _ in range(200):
        likelihood.log_prob(x, x)
    assert torch.equal(likelihood.variance, torch.full((3,), 0.01))
    assert likelihood.log_prob(x, x).isfinite().all()


def test_a_resumed_training_has_the_variance_of_the_one_that_was_killed() -> None:
    killed, resumed = BatchGaussian([3]), BatchGaussian([3])
    killed.log_prob(torch.rand(4, 3), torch.randn(4, 3))
    resumed.load_state_dict(copy.deepcopy(killed.state_dict()))
    x, output = torch.rand(4, 3), torch.randn(4, 3)
    assert torch.equal(killed.log_prob(x, output), resumed.log_prob(x, output))
    assert torch.equal(killed.running_variance, resumed.running_variance)


def _on_rank(rank: int, folder: str, x: torch.Tensor, output: torch.Tensor) -> None:
    likelihood = BatchGaussian(x.shape[1:])
    likelihood.log_prob(x[rank::2], output[rank::2])
    torch.save(likelihood.running_variance, f"{folder}/{rank}.pt")


def test_two_ranks_agree_with_each_other_and_with_one(tmp_path: Path) -> None:
    x, output = torch.rand(7, 1, 2, 3), torch.randn(7, 1, 2, 3)  # 4 and 3 on the two ranks
    on_ranks(2, _on_rank, tmp_path, str(tmp_path), x, output)
    one = BatchGaussian([1, 2, 3])
    one.log_prob(x, output)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert torch.equal(first, second) and torch.allclose(first, one.running_variance, atol=1e-6)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(), BatchGaussian([4])])
def test_low_precision_of_the_output_does_not_reach_the_sum(likelihood: Likelihood) -> None:
    x, output = torch.rand(3, 4), torch.randn(3, 4)
    low = likelihood.eval().log_prob(x, output.bfloat16())
    assert low.dtype == torch.float32
    assert torch.allclose(low, likelihood.log_prob(x, output), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("make", [lambda: Gaussian(floor=0.0), lambda: BatchGaussian([2], floor=0.0)])
def test_a_floor_of_nothing_is_refused(make) -> None:
    with pytest.raises(InputError, match=r"floor of a variance must be positive; got 0.0: take e.g. 1e-4"):
        make()
