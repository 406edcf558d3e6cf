"""Plain torch networks; nothing here imports Lightning."""

from networks.cnn import CNN
from networks.committee import Committee
from networks.errors import InputError
from networks.exported import Exported
from networks.features import Features
from networks.flows import (
    CircularConv,
    ConvNet,
    Flow,
    Glow,
    LUConv,
    PeriodicConv,
    Permute,
    RealNVP,
    ResNet,
    SVDConv,
    VectorRealNVP,
)
from networks.mlp import MLP
from networks.timm_model import TimmModel

__all__ = [
    "CNN",
    "MLP",
    "CircularConv",
    "Committee",
    "ConvNet",
    "Exported",
    "Features",
    "Flow",
    "Glow",
    "InputError",
    "LUConv",
    "PeriodicConv",
    "Permute",
    "RealNVP",
    "ResNet",
    "SVDConv",
    "TimmModel",
    "VectorRealNVP",
]
