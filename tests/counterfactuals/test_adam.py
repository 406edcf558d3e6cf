import torch

from counterfactuals.adam import AdamState, adam_step


def test_equals_torch_adam() -> None:
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    ours, state = z.detach().clone(), AdamState.zeros_like(z.detach())
    reference = torch.optim.Adam([z], lr=0.05)
    for _ in range(20):
        reference.zero_grad()
        (z**4).sum().backward()
        ours += adam_step(state, torch.arange(4), 4 * ours**3, 0.05)
        reference.step()
    assert torch.allclose(ours, z.detach(), atol=1e-12)


def test_rows_that_do_not_step_keep_their_state() -> None:
    state = AdamState.zeros_like(torch.zeros(3, 2))
    adam_step(state, torch.tensor([1]), torch.ones(1, 2), 0.1)
    assert state.t.tolist() == [0, 1, 0]
    assert not state.m[[0, 2]].any() and not state.v[[0, 2]].any()
