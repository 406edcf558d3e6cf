"""The network behind a path: a classifier's or a regressor's."""

from typing import cast

from torch import nn

from lightning_modules.checkpoint import load
from lightning_modules.classifier import ClassifierModule
from lightning_modules.regressor import RegressorModule


def load_predictor(path: str) -> nn.Module:
    """x → logits or values, of the checkpoint of a ``ClassifierModule`` or ``RegressorModule``; see ``load``."""
    return cast(ClassifierModule | RegressorModule, load(path, ClassifierModule, RegressorModule)).network
