"""Training what sees attributes in images, and what edits them."""

from lightning_modules.attributes.attgan import AttGANModule
from lightning_modules.attributes.seen import AttributesModule

__all__ = ["AttGANModule", "AttributesModule"]
