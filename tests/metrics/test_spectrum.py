import torch

from metrics import dimension_above, effective_dimension, jacobian, spectrum
from networks import VectorRealNVP


def test_linear_map_has_its_own_singular_values() -> None:
    a = torch.randn(7, 4, dtype=torch.float64)
    z = torch.randn(3, 4, dtype=torch.float64)
    result = spectrum(lambda v: v @ a.T, z, chunk_size=2)
    assert torch.allclose(jacobian(lambda v: v @ a.T, z), a.expand(3, 7, 4))
    assert torch.allclose(result.sigma, torch.linalg.svdvals(a).expand(3, 4))
    assert torch.allclose(result.u.mT @ result.u, torch.eye(4, dtype=torch.float64).expand(3, 4, 4), atol=1e-10)


def test_sum_of_logs_is_the_flows_log_determinant() -> None:
    flow = VectorRealNVP([1, 4, 4], 3, [16], levels=17).double().eval()
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.1 * torch.randn_like(p))
        x = torch.rand(5, 1, 4, 4, dtype=torch.float64)
        z, log_det = flow(x)
    assert torch.allclose(spectrum(flow.inverse, z).sigma.log().sum(1), -log_det, atol=1e-8)


def test_dimensions() -> None:
    assert torch.allclose(effective_dimension(torch.ones(2, 5)), torch.tensor([5.0, 5.0]))
    sigma = torch.tensor([[1e30, 1e-9, 0.0]])
    assert torch.allclose(effective_dimension(sigma), torch.tensor([1.0]))
    assert dimension_above(torch.tensor([[2.0, 0.3, 0.1]])).tolist() == [2]
