from callbacks.identity import identity_of
from counterfactuals import PixelChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule
from networks import MLP


def test_what_belongs_to_a_run() -> None:
    module = CounterfactualModule(MLP([1, 8, 8], 10), PixelChart([1, 8, 8]), RunnerUp())
    settings = {"model": {"slots": 4, "method": {"steps": [1, 2]}}, "data": {"batch_size": 7}}
    first = identity_of(module, Digits(predict_limit=5), settings)
    assert first["model.method.steps.1"] == "2" and "model.slots" not in first and "data.batch_size" not in first
    second = identity_of(module, Digits(predict_limit=6), settings)
    assert {k for k in first if first[k] != second[k]} == {"the data to explain"}
