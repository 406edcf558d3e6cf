import pytest
import torch

from networks import VectorRealNVP


def perturbed(amount: float = 0.1, **arguments) -> VectorRealNVP:
    """A flow away from its identity initialisation, as after training."""
    flow = VectorRealNVP(**arguments)
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(amount * torch.randn_like(p))
    return flow.eval()


@pytest.fixture(params=[{"shape": [3]}, {"shape": [1, 4, 4], "levels": 17, "alpha": 0.2, "clamp": 1.0}])
def flow(request: pytest.FixtureRequest) -> VectorRealNVP:
    return perturbed(num_blocks=4, hidden=[16, 16], **request.param).double()


def test_round_trip(flow: VectorRealNVP) -> None:
    x = torch.rand(32, *flow.shape, dtype=torch.float64)
    assert torch.allclose(flow.inverse(flow(x).z), x, atol=1e-10)
    z = torch.randn(32, flow.dim, dtype=torch.float64)
    assert torch.allclose(flow(flow.inverse(z)).z, z, atol=1e-8)


def test_log_det_against_autograd(flow: VectorRealNVP) -> None:
    x = torch.rand(5, *flow.shape, dtype=torch.float64)
    log_det = flow(x).log_det
    for i in range(len(x)):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow(v[None]).z[0], x[i]).reshape(flow.dim, flow.dim)
        assert torch.allclose(torch.linalg.slogdet(jacobian).logabsdet, log_det[i], atol=1e-8)


def test_log_prob_integrates_to_one() -> None:
    flow = perturbed(shape=[2], num_blocks=2, hidden=[8]).double()
    grid = torch.linspace(-12, 12, 500, dtype=torch.float64)
    points = torch.cartesian_prod(grid, grid)
    with torch.no_grad():
        mass = flow.log_prob(points).exp().sum() * (grid[1] - grid[0]) ** 2
    assert abs(mass - 1) < 1e-3


def test_float32_round_trip_at_full_depth() -> None:
    flow = perturbed(0.02, shape=[1, 8, 8], num_blocks=8, hidden=[64, 64], levels=17)
    x = torch.rand(64, 1, 8, 8)
    assert (flow.inverse(flow(x).z) - x).abs().max() < 1e-4


def test_gradients_reach_every_parameter(flow: VectorRealNVP) -> None:
    flow.log_prob(torch.rand(16, *flow.shape, dtype=torch.float64)).mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in flow.parameters())


def test_saved_and_loaded_it_is_the_same_map(flow: VectorRealNVP) -> None:
    arguments = {"shape": flow.shape, "levels": flow.levels, "alpha": 0.2, "clamp": 1.0 if flow.levels else 2.0}
    other = VectorRealNVP(num_blocks=4, hidden=[16, 16], **arguments).double().eval()
    other.load_state_dict(flow.state_dict())
    x = torch.rand(4, *flow.shape, dtype=torch.float64)
    assert torch.equal(other(x).z, flow(x).z)


def test_samples_are_decoded_normals() -> None:
    flow = perturbed(shape=[3], num_blocks=2, hidden=[8])
    generator = torch.Generator().manual_seed(5)
    expected = flow.inverse(0.5 * torch.randn(7, 3, generator=torch.Generator().manual_seed(5)))
    assert torch.equal(flow.sample(7, temperature=0.5, generator=generator), expected)
