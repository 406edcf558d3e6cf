import pytest
import torch

from counterfactuals import EveryOther, FewAndMany, FixedTarget, InputError, OwnClass, RunnerUp, Value, Values

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


def test_few_become_many_and_many_few() -> None:
    """Those between are left alone; values may come as B×1."""
    policy = FewAndMany(few=3, many=5, high=10, low=0.01)
    for said in (torch.tensor([0.2, 3.0, 4.0, 5.0, 11.0]), torch.tensor([[0.2], [3.0], [4.0], [5.0], [11.0]])):
        searches = policy(said)
        assert searches.rows.tolist() == [0, 1, 3, 4]
        assert searches.target.tolist() == pytest.approx([10, 10, 0.01, 0.01])
    assert len(policy(torch.tensor([4.0])).rows) == 0


def test_several_values_a_sample() -> None:
    searches = Values([0, 5, 10])(torch.tensor([1.0, 2.0]))
    assert searches.rows.tolist() == [0, 0, 0, 1, 1, 1] and searches.target.tolist() == [0, 5, 10, 0, 5, 10]
    assert searches.number.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (lambda: Value(float("nan")), r"target must be finite, in the predictor's unit; got \[nan\]"),
        (lambda: Values([1, float("inf")]), r"targets must be finite.*got \[inf\]"),
        (lambda: Values([]), "at least one value"),
        (lambda: FewAndMany(5, 3, 10, 0), "few must be below many; got 5 and 3"),
        (
            lambda: FewAndMany(3, 5, 2, 6),
            r"(?s)few must be below high; got 3 and 2.*low must be below many",
        ),
    ],
)
def test_values_that_make_no_sense(policy, message: str) -> None:
    with pytest.raises(InputError, match=message):
        policy()
