"""The search, in plain torch: charts, objectives, targets, methods and the result.

>>> import torch
>>> from torch import nn
>>> predictor = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
>>> x = torch.rand(8, 1, 2, 2)
>>> cf = explain(predictor, PixelChart((1, 2, 2)), x, target=1, method=Ascent(step_size=0.1, clip=None))
>>> len(cf), bool(cf.flipped[cf.searched].all())
(8, True)
"""

from counterfactuals.charts.attributes import AttributeChart
from counterfactuals.charts.autoencoder import AutoencoderChart
from counterfactuals.charts.chart import Chart
from counterfactuals.charts.flow import FlowChart
from counterfactuals.charts.generator import GeneratorChart
from counterfactuals.charts.hierarchical import HierarchicalChart
from counterfactuals.charts.invertible import InvertibleChart
from counterfactuals.charts.pixel import PixelChart
from counterfactuals.charts.residual import WithResidual
from counterfactuals.engine import Method
from counterfactuals.explain import explain
from counterfactuals.goals.distances import Distance, FeatureL2, LatentL1, LatentL2, PixelL1, PixelL2
from counterfactuals.goals.labels import ReachLabel
from counterfactuals.goals.objectives import Objective, ReachAll, ReachClass, ReachMargin
from counterfactuals.goals.region import Box, MaskFile, Region
from counterfactuals.goals.targets import (
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
from counterfactuals.goals.typical import ReachTypical
from counterfactuals.goals.values import Across, AtLeast, AtMost, Within
from counterfactuals.inversion import Amortised, Inversion, Inverted, Optimised
from counterfactuals.methods.ascent import Ascent, RowOptimizer
from counterfactuals.methods.closed_form import Boundary, ClosedForm, Convincing, MeanEncodings, Reach
from counterfactuals.methods.diverse import Diverse
from counterfactuals.methods.latent_search import LatentSearch
from counterfactuals.methods.minimal_change import MinimalChange
from counterfactuals.methods.nearer import Nearer
from counterfactuals.methods.prototype import Prototype
from counterfactuals.methods.prototype_guided import PrototypeGuided
from counterfactuals.methods.relaxation import Relaxation
from counterfactuals.methods.surer import Surer
from counterfactuals.result import Counterfactuals, Status
from counterfactuals.show import show
from counterfactuals.steps.adam import Adam
from counterfactuals.steps.momentum import Momentum
from counterfactuals.steps.polyak import Polyak
from counterfactuals.steps.schedules import Cosine, Exponential, Schedule
from counterfactuals.steps.smoothing import Smoothing
from networks.errors import InputError

__all__ = [
    "Across",
    "Adam",
    "Amortised",
    "Ascent",
    "AtLeast",
    "AtMost",
    "AttributeChart",
    "AutoencoderChart",
    "Boundary",
    "Box",
    "Chart",
    "ClosedForm",
    "Convincing",
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
    "GeneratorChart",
    "HierarchicalChart",
    "InputError",
    "Inversion",
    "Inverted",
    "InvertibleChart",
    "LatentL1",
    "LatentL2",
    "LatentSearch",
    "MaskFile",
    "MeanEncodings",
    "Method",
    "MinimalChange",
    "Momentum",
    "Nearer",
    "Objective",
    "Optimised",
    "OwnClass",
    "PixelChart",
    "PixelL1",
    "PixelL2",
    "Polyak",
    "Prototype",
    "PrototypeGuided",
    "Reach",
    "ReachAll",
    "ReachClass",
    "ReachLabel",
    "ReachMargin",
    "ReachTypical",
    "Region",
    "Relaxation",
    "RowOptimizer",
    "RunnerUp",
    "Schedule",
    "Searches",
    "Shift",
    "Smoothing",
    "Status",
    "Surer",
    "TargetPolicy",
    "Value",
    "Values",
    "WithResidual",
    "Within",
    "explain",
    "show",
]
