import pytest

from cli.specs import Spec, specs
from cli.untrained import untrained

CNN = {"class_path": "networks.CNN", "init_args": {"widths": [4]}}


@pytest.mark.parametrize(
    "predictor",
    [
        "runs/best.ckpt",
        {"class_path": "my.Net", "init_args": {"network": CNN, "weights": "w.pth"}},
        {"class_path": "my.Net"},
        {"class_path": "networks.TimmModel", "init_args": {"name": "resnet18", "weights": "w.pth"}},
        {"class_path": "networks.Exported", "init_args": {"path": "p.pt2"}},
        {"class_path": "networks.LinearSVM"},
    ],
)
def test_what_has_weights(predictor: object) -> None:
    assert untrained(predictor, "--model.predictor") == []


def test_what_has_none_is_named() -> None:
    (problem,) = untrained(CNN, "--model.predictor")
    assert problem.startswith("--model.predictor: networks.CNN is given no weights, and would be a random network: ")
    oracles = [{"class_path": "callbacks.OracleAccuracy", "init_args": {"oracles": {"cnn": CNN, "svm": "x.ckpt"}}}]
    (problem,) = untrained(oracles, "--trainer.callbacks")
    assert problem.startswith("--trainer.callbacks[0].oracles.cnn: networks.CNN ")
    committee = {"class_path": "networks.Committee", "init_args": {"members": [CNN, CNN]}}
    assert len(untrained(committee, "--model.predictor")) == 2


def test_specs() -> None:
    inner = {"class_path": "a.B", "init_args": {"x": 1}}
    config = {"model": {"method": {"class_path": "c.D", "init_args": {"inner": inner}}}, "seed": 0}
    assert list(specs(config, "--")) == [
        Spec("--model.method", "c.D", {"inner": inner}),
        Spec("--model.method.inner", "a.B", {"x": 1}),
    ]
