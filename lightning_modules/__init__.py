"""Training tasks and the explaining one; wiring only."""

from lightning_modules.autoencoders import ClassAutoencodersModule
from lightning_modules.checkpoint import load
from lightning_modules.classifier import ClassifierModule
from lightning_modules.counterfactual import CounterfactualModule, Explanation
from lightning_modules.flow import FlowModule
from lightning_modules.flow_matching import FlowMatchingModule

__all__ = [
    "ClassAutoencodersModule",
    "ClassifierModule",
    "CounterfactualModule",
    "Explanation",
    "FlowMatchingModule",
    "FlowModule",
    "load",
]
