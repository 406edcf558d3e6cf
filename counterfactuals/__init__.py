"""The search, in plain torch: charts, objectives, targets, methods and the result.

>>> import torch
>>> from torch import nn
>>> predictor = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
>>> x = torch.rand(8, 1, 2, 2)
>>> cf = explain(predictor, PixelChart((1, 2, 2)), x, target=1, method=Ascent(step_size=0.1, clip=None))
>>> len(cf), bool(cf.flipped[cf.searched].all())
(8, True)
"""

from counterfactuals.adam import Adam
from counterfactuals.ascent import Ascent, Method, RowOptimizer
from counterfactuals.charts import Chart, FlowChart, PixelChart
from counterfactuals.explain import explain
from counterfactuals.momentum import Momentum
from counterfactuals.objectives import Objective, ReachClass
from counterfactuals.result import Counterfactuals, Status
from counterfactuals.targets import EveryOther, FixedTarget, RunnerUp, Searches, TargetPolicy
from networks.errors import InputError

__all__ = [
    "Adam",
    "Ascent",
    "Chart",
    "Counterfactuals",
    "EveryOther",
    "FixedTarget",
    "FlowChart",
    "InputError",
    "Method",
    "Momentum",
    "Objective",
    "PixelChart",
    "ReachClass",
    "RowOptimizer",
    "RunnerUp",
    "Searches",
    "Status",
    "TargetPolicy",
    "explain",
]
