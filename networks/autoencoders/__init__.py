"""Autoencoders: an encoder x → z and a decoder z → x, which need not be each other's inverse; variational ones too."""

from networks.autoencoders.autoencoder import Autoencoder, ConvAutoencoder, VectorAutoencoder
from networks.autoencoders.blocks import AdaIN, Concatenation
from networks.autoencoders.class_autoencoders import ClassAutoencoders
from networks.autoencoders.conv import ConvDecoder, ConvEncoder
from networks.autoencoders.hierarchical import HierarchicalVAE
from networks.autoencoders.likelihoods import BatchGaussian, Bernoulli, Gaussian, Likelihood
from networks.autoencoders.vae import VAE, ConvVAE, GatedVAE, Posterior

__all__ = [
    "VAE",
    "AdaIN",
    "Autoencoder",
    "BatchGaussian",
    "Bernoulli",
    "ClassAutoencoders",
    "Concatenation",
    "ConvAutoencoder",
    "ConvDecoder",
    "ConvEncoder",
    "ConvVAE",
    "GatedVAE",
    "Gaussian",
    "HierarchicalVAE",
    "Likelihood",
    "Posterior",
    "VectorAutoencoder",
]
