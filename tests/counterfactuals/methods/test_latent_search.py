import pytest
import torch

from counterfactuals import InputError, LatentSearch, ReachClass, Status, explain


def test_hits_lie_in_the_first_shell_that_holds_one(linear_chart, linear_predictor) -> None:
    x = torch.randn(30, 6)
    target = (linear_predictor(x).argmax(1) + 1) % 3
    method = LatentSearch(samples=200, step_size=0.25, max_steps=60, clip=None)
    cf = explain(linear_predictor, linear_chart, x, target, method, ReachClass(0.5))
    assert cf.flipped[cf.searched].all()
    radius = (cf.z_prime - cf.z).norm(dim=1)
    assert ((radius > 0.25 * (cf.steps - 1)) & (radius <= 0.25 * cf.steps)).all()
    logits = linear_predictor(linear_chart.decode(cf.z_prime))
    assert torch.allclose(logits.softmax(1).gather(1, target[:, None])[:, 0], cf.confidence, atol=1e-5)
    # The nearest of the class's points is a plane's distance away: nothing nearer may be claimed.
    assert (cf.confidence > 0.5).all()


def test_alone_as_in_a_batch(linear_chart, linear_predictor) -> None:
    x = torch.randn(9, 6)
    method = LatentSearch(samples=20, step_size=0.5, max_steps=20, clip=None)
    batch = explain(linear_predictor, linear_chart, x, 1, method)
    alone = explain(linear_predictor, linear_chart, x[4:5], 1, method)
    assert torch.allclose(batch.z_prime[4], alone.z_prime[0], atol=1e-6) and batch.steps[4] == alone.steps[0]


def test_without_a_hit_the_best_is_kept(linear_chart, linear_predictor) -> None:
    x = torch.randn(20, 6)
    method = LatentSearch(samples=5, step_size=0.01, max_steps=3, clip=None)
    cf = explain(linear_predictor, linear_chart, x, 1, method, ReachClass(0.999))
    late = cf.status == Status.TIMEOUT
    assert late.any() and (cf.steps[late] == 3).all() and (cf.confidence[late] >= cf.source_confidence[late]).any()


def test_no_samples_is_a_mistake() -> None:
    with pytest.raises(InputError, match="samples must be positive; got 0"):
        LatentSearch(samples=0)
