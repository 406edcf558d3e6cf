import torch

from networks.flows import Logit, cell_bounds


def test_round_trip_and_log_det() -> None:
    layer = Logit([(1, 3, 3)], bounds=cell_bounds(17), alpha=0.05)
    low, high = cell_bounds(17)
    x = low + (high - low) * torch.rand(4, 1, 3, 3, dtype=torch.float64)
    (y,), log_det = layer([x])
    (back,), log_det_back = layer([y], rev=True)
    assert torch.allclose(back, x, atol=1e-12)
    assert torch.allclose(log_det, -log_det_back)
    for i in range(len(x)):
        jacobian = torch.autograd.functional.jacobian(lambda v: layer([v[None]])[0][0].flatten(), x[i])
        assert torch.allclose(torch.linalg.slogdet(jacobian.reshape(9, 9)).logabsdet, log_det[i], atol=1e-10)


def test_the_whole_range_is_finite() -> None:
    layer = Logit([(2,)], bounds=(0.0, 1.0))
    (y,), log_det = layer([torch.tensor([[0.0, 1.0]])])
    assert y.isfinite().all() and log_det.isfinite().all()
