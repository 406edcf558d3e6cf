import pytest
import torch

from counterfactuals import EveryOther, FixedTarget, InputError, OwnClass, RunnerUp

LOGITS = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, -1.0]])


def test_policies() -> None:
    assert FixedTarget(2)(LOGITS).target.tolist() == [2, 2]
    assert OwnClass()(LOGITS).target.tolist() == [0, 1]
    assert RunnerUp()(LOGITS).target.tolist() == [2, 0]
    rows, target = EveryOther()(LOGITS)
    assert rows.tolist() == [0, 0, 1, 1] and target.tolist() == [1, 2, 0, 2]


@pytest.mark.parametrize("target", [3, -1])
def test_class_out_of_range(target: int) -> None:
    with pytest.raises(InputError, match=f"target class {target} is out of range: the predictor has 3 classes, 0 to 2"):
        FixedTarget(target)(LOGITS)
