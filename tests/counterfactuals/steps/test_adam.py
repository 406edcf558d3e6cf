import torch

from counterfactuals import Adam


def test_equals_torch_adam() -> None:
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    ours, adam = z.detach().clone(), Adam()
    state = adam.start(ours)
    reference = torch.optim.Adam([z], lr=0.05)
    for _ in range(20):
        reference.zero_grad()
        (z**4).sum().backward()
        state, step = adam.step(state, 4 * ours**3, (ours**4).sum(1))
        ours += 0.05 * step
        reference.step()
    assert torch.allclose(ours, z.detach(), atol=1e-12)
