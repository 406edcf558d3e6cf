"""Training classifiers that can be run backwards."""

from lightning_modules.invertible.classifier import InvertibleClassifierModule

__all__ = ["InvertibleClassifierModule"]
