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
        ours += 0.05 * adam.step(state, torch.arange(4), 4 * ours**3)
        reference.step()
    assert torch.allclose(ours, z.detach(), atol=1e-12)


def test_rows_that_do_not_step_keep_their_state() -> None:
    state = Adam().start(torch.zeros(3, 2))
    Adam().step(state, torch.tensor([1]), torch.ones(1, 2))
    assert state.t.tolist() == [0, 1, 0]
    assert not state.m[[0, 2]].any() and not state.v[[0, 2]].any()
