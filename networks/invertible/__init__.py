"""Classifiers that can be run backwards."""

from networks.invertible.classifier import ClassHead, InvertibleClassifier
from networks.invertible.linear_head import LinearHead
from networks.invertible.mixture import GaussianMixture

__all__ = ["ClassHead", "GaussianMixture", "InvertibleClassifier", "LinearHead"]
