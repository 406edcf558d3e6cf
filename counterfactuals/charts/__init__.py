"""Coordinates in which a search walks, one kind a file."""

from counterfactuals.charts.attributes import AttributeChart
from counterfactuals.charts.autoencoder import AutoencoderChart
from counterfactuals.charts.chart import Chart
from counterfactuals.charts.flow import FlowChart
from counterfactuals.charts.generator import GeneratorChart
from counterfactuals.charts.hierarchical import HierarchicalChart
from counterfactuals.charts.pixel import PixelChart
from counterfactuals.charts.residual import WithResidual

__all__ = [
    "AttributeChart",
    "AutoencoderChart",
    "Chart",
    "FlowChart",
    "GeneratorChart",
    "HierarchicalChart",
    "PixelChart",
    "WithResidual",
]
