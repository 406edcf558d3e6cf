"""Plain torch networks; nothing here imports Lightning."""

from networks.cnn import CNN
from networks.errors import InputError
from networks.features import Features
from networks.flows import Flow, VectorRealNVP
from networks.mlp import MLP
from networks.timm_model import TimmModel

__all__ = ["CNN", "MLP", "Features", "Flow", "InputError", "TimmModel", "VectorRealNVP"]
