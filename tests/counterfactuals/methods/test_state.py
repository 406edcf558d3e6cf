import torch

from counterfactuals import ReachClass, Status
from counterfactuals.engine import Problem
from counterfactuals.methods.state import FAULTS, GRADIENT, INPUT, begin, conclude, first_fault, keep


def test_begin_ends_what_needs_no_search(linear_chart, linear_predictor) -> None:
    problem = Problem(linear_predictor, linear_chart, ReachClass(0.9))
    x = torch.randn(4, 6)
    target = (linear_predictor(x).argmax(1) + 1) % 3
    target[1] = linear_predictor(x[1:2]).argmax()
    x[2, 0] = float("nan")
    state, done = begin(problem, x, target, None)
    assert done.tolist() == [False, True, True, False] and state.fault.tolist() == [0, 0, INPUT, 0]
    assert torch.allclose(state.reconstruction[1], x[1], atol=1e-5)
    cf = conclude(state)
    assert cf.status.tolist() == [Status.TIMEOUT, Status.ALREADY_TARGET, Status.FAILED, Status.TIMEOUT]
    assert cf.reasons[2] == f"{FAULTS[INPUT]} (step 0)" and cf.reasons[0] == ""
    everything, _ = begin(problem, x, target, (0.0, 1.0), decode=True)
    assert torch.allclose(everything.reconstruction[[0, 1, 3]], x[[0, 1, 3]].clamp(0, 1), atol=1e-5)


def test_keep_takes_the_better_rows(linear_chart, linear_predictor) -> None:
    state, _ = begin(
        Problem(linear_predictor, linear_chart, ReachClass()), torch.randn(2, 6), torch.tensor([0, 1]), None
    )
    z, x, score = torch.ones(2, 6), 2 * torch.ones(2, 6), torch.tensor([0.5, 0.6])
    kept = keep(state, torch.tensor([True, False]), z, x, score, torch.tensor([7, 7]))
    assert torch.equal(kept.best_z[0], z[0]) and torch.equal(kept.best_x[0], x[0]) and kept.best_score[0] == 0.5
    assert torch.equal(kept.best_z[1], state.best_z[1]) and kept.best_score[1] == -torch.inf
    assert kept.best_prediction.tolist() == [7, int(state.best_prediction[1])]


def test_the_first_fault_counts() -> None:
    good, bad = torch.ones(3, 2), torch.tensor([[1.0, 1.0], [torch.inf, 1.0], [1.0, torch.nan]])
    assert first_fault((INPUT, good), (GRADIENT, bad)).tolist() == [0, GRADIENT, GRADIENT]
    assert first_fault((INPUT, bad), (GRADIENT, bad)).tolist() == [0, INPUT, INPUT]
