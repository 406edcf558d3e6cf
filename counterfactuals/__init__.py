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
from counterfactuals.ascent import Ascent, RowOptimizer
from counterfactuals.charts import AutoencoderChart, Chart, FlowChart, PixelChart
from counterfactuals.distances import Distance, FeatureL2, LatentL2, PixelL1, PixelL2
from counterfactuals.diverse import Diverse
from counterfactuals.engine import Method
from counterfactuals.explain import explain
from counterfactuals.hierarchical_chart import HierarchicalChart
from counterfactuals.labels import ReachLabel
from counterfactuals.latent_search import LatentSearch
from counterfactuals.minimal_change import MinimalChange
from counterfactuals.momentum import Momentum
from counterfactuals.nearer import Nearer
from counterfactuals.objectives import Objective, ReachAll, ReachClass, ReachMargin
from counterfactuals.polyak import Polyak
from counterfactuals.prototype import Prototype
from counterfactuals.prototype_guided import PrototypeGuided
from counterfactuals.region import Box, MaskFile, Region
from counterfactuals.relaxation import Relaxation
from counterfactuals.result import Counterfactuals, Status
from counterfactuals.schedules import Cosine, Exponential, Schedule
from counterfactuals.smoothing import Smoothing
from counterfactuals.targets import (
    EveryOther,
    FewAndMany,
    FixedTarget,
    OwnClass,
    RunnerUp,
    Searches,
    Shift,
    TargetPolicy,
    Value,
    Values,
)
from counterfactuals.values import Across, AtLeast, AtMost, Within
from networks.errors import InputError

__all__ = [
    "Across",
    "Adam",
    "Ascent",
    "AtLeast",
    "AtMost",
    "AutoencoderChart",
    "Box",
    "Chart",
    "Cosine",
    "Counterfactuals",
    "Distance",
    "Diverse",
    "EveryOther",
    "Exponential",
    "FeatureL2",
    "FewAndMany",
    "FixedTarget",
    "FlowChart",
    "HierarchicalChart",
    "InputError",
    "LatentL2",
    "LatentSearch",
    "MaskFile",
    "Method",
    "MinimalChange",
    "Momentum",
    "Nearer",
    "Objective",
    "OwnClass",
    "PixelChart",
    "PixelL1",
    "PixelL2",
    "Polyak",
    "Prototype",
    "PrototypeGuided",
    "ReachAll",
    "ReachClass",
    "ReachLabel",
    "ReachMargin",
    "Region",
    "Relaxation",
    "RowOptimizer",
    "RunnerUp",
    "Schedule",
    "Searches",
    "Shift",
    "Smoothing",
    "Status",
    "TargetPolicy",
    "Value",
    "Values",
    "Within",
    "explain",
]
