"""Training tasks and the explaining one; wiring only."""

from lightning_modules.attributes import AttGANModule, AttributesModule
from lightning_modules.autoencoder import AutoencoderModule
from lightning_modules.autoencoders import ClassAutoencodersModule
from lightning_modules.checkpoints.charted import HasChart, chart_of
from lightning_modules.checkpoints.checkpoint import load
from lightning_modules.checkpoints.predictor import load_predictor
from lightning_modules.classifier import ClassifierModule
from lightning_modules.counterfactual import CounterfactualModule, Explanation
from lightning_modules.flow import FlowModule
from lightning_modules.flow_matching import FlowMatchingModule
from lightning_modules.gan import GANModule
from lightning_modules.hierarchical_vae import HierarchicalVAEModule
from lightning_modules.inverter import InverterModule
from lightning_modules.invertible import InvertibleClassifierModule
from lightning_modules.regressor import RegressorModule
from lightning_modules.vae import VAEModule

__all__ = [
    "AttGANModule",
    "AttributesModule",
    "AutoencoderModule",
    "ClassAutoencodersModule",
    "ClassifierModule",
    "CounterfactualModule",
    "Explanation",
    "FlowMatchingModule",
    "FlowModule",
    "GANModule",
    "HasChart",
    "HierarchicalVAEModule",
    "InverterModule",
    "InvertibleClassifierModule",
    "RegressorModule",
    "VAEModule",
    "chart_of",
    "load",
    "load_predictor",
]
