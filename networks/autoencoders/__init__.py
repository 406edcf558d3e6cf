"""Autoencoders: an encoder x → z and a decoder z → x, which need not be each other's inverse."""

from networks.autoencoders.autoencoder import Autoencoder, ConvAutoencoder, VectorAutoencoder
from networks.autoencoders.class_autoencoders import ClassAutoencoders
from networks.autoencoders.conv import ConvDecoder, ConvEncoder

__all__ = [
    "Autoencoder",
    "ClassAutoencoders",
    "ConvAutoencoder",
    "ConvDecoder",
    "ConvEncoder",
    "VectorAutoencoder",
]
