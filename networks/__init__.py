"""Plain torch networks; nothing here imports Lightning."""

from networks.autoencoders import (
    VAE,
    BatchGaussian,
    Bernoulli,
    ClassAutoencoders,
    ConvAutoencoder,
    ConvVAE,
    GatedVAE,
    Gaussian,
    VectorAutoencoder,
)
from networks.cnn import CNN
from networks.committee import Committee
from networks.errors import InputError
from networks.exported import Exported
from networks.features import Features
from networks.flows import (
    RK4,
    Adaptive,
    CircularConv,
    ContinuousFlow,
    ConvNet,
    Flow,
    Glow,
    LUConv,
    Midpoint,
    PeriodicConv,
    Permute,
    RealNVP,
    ResNet,
    SVDConv,
    VectorRealNVP,
)
from networks.linear_svm import LinearSVM
from networks.mlp import MLP
from networks.timm_model import TimmModel
from networks.velocity_unet import VelocityUNet

__all__ = [
    "CNN",
    "MLP",
    "RK4",
    "VAE",
    "Adaptive",
    "BatchGaussian",
    "Bernoulli",
    "CircularConv",
    "ClassAutoencoders",
    "Committee",
    "ContinuousFlow",
    "ConvAutoencoder",
    "ConvNet",
    "ConvVAE",
    "Exported",
    "Features",
    "Flow",
    "GatedVAE",
    "Gaussian",
    "Glow",
    "InputError",
    "LUConv",
    "LinearSVM",
    "Midpoint",
    "PeriodicConv",
    "Permute",
    "RealNVP",
    "ResNet",
    "SVDConv",
    "TimmModel",
    "VectorAutoencoder",
    "VectorRealNVP",
    "VelocityUNet",
]
