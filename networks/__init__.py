"""Plain torch networks; nothing here imports Lightning."""

from networks.adapter import Adapter
from networks.autoencoders import (
    VAE,
    AdaIN,
    BatchGaussian,
    Bernoulli,
    ClassAutoencoders,
    Concatenation,
    ConvAutoencoder,
    ConvEncoder,
    ConvVAE,
    GatedVAE,
    Gaussian,
    HierarchicalVAE,
    VectorAutoencoder,
)
from networks.cnn import CNN
from networks.committee import Committee
from networks.errors import InputError
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
from networks.gans import (
    AdaptiveAugment,
    AttributeDiscriminator,
    AttributeGenerator,
    DCDiscriminator,
    DCGenerator,
    InW,
    NonSaturating,
    ProgressiveDiscriminator,
    ProgressiveGenerator,
    StyleDiscriminator,
    StyleGenerator,
    Wasserstein,
)
from networks.imported.exported import Exported
from networks.imported.hugging_face import HuggingFace
from networks.imported.timm_model import TimmModel
from networks.imported.torchscript import TorchScript
from networks.imported.torchvision_model import TorchvisionModel
from networks.invertible import GaussianMixture, InvertibleClassifier, LinearHead
from networks.linear_svm import LinearSVM
from networks.mlp import MLP
from networks.unets.map_losses import BlurredFocal, WeightedHausdorff
from networks.unets.unet import UNet
from networks.unets.velocity_unet import VelocityUNet

__all__ = [
    "CNN",
    "MLP",
    "RK4",
    "VAE",
    "AdaIN",
    "Adapter",
    "Adaptive",
    "AdaptiveAugment",
    "AttributeDiscriminator",
    "AttributeGenerator",
    "BatchGaussian",
    "Bernoulli",
    "BlurredFocal",
    "CircularConv",
    "ClassAutoencoders",
    "Committee",
    "Concatenation",
    "ContinuousFlow",
    "ConvAutoencoder",
    "ConvEncoder",
    "ConvNet",
    "ConvVAE",
    "DCDiscriminator",
    "DCGenerator",
    "Exported",
    "Features",
    "Flow",
    "GatedVAE",
    "Gaussian",
    "GaussianMixture",
    "Glow",
    "HierarchicalVAE",
    "HuggingFace",
    "InW",
    "InputError",
    "InvertibleClassifier",
    "LUConv",
    "LinearHead",
    "LinearSVM",
    "Midpoint",
    "NonSaturating",
    "PeriodicConv",
    "Permute",
    "ProgressiveDiscriminator",
    "ProgressiveGenerator",
    "RealNVP",
    "ResNet",
    "SVDConv",
    "StyleDiscriminator",
    "StyleGenerator",
    "TimmModel",
    "TorchScript",
    "TorchvisionModel",
    "UNet",
    "VectorAutoencoder",
    "VectorRealNVP",
    "VelocityUNet",
    "Wasserstein",
    "WeightedHausdorff",
]
