"""Autoencoders: an encoder x → z and a decoder z → x, which need not be each other's inverse; variational ones too."""

from networks.autoencoders.autoencoder import Autoencoder, ConvAutoencoder, VectorAutoencoder
from networks.autoencoders.class_autoencoders import ClassAutoencoders
from networks.autoencoders.conv import ConvDecoder, ConvEncoder
from networks.autoencoders.likelihoods import BatchGaussian, Bernoulli, Gaussian, Likelihood
from networks.autoencoders.vae import VAE, ConvVAE, GatedVAE, Posterior

__all__ = [
    "VAE",
    "Autoencoder",
    "BatchGaussian",
    "Bernoulli",
    "ClassAutoencoders",
    "ConvAutoencoder",
    "ConvDecoder",
    "ConvEncoder",
    "ConvVAE",
    "GatedVAE",
    "Gaussian",
    "Likelihood",
    "Posterior",
    "VectorAutoencoder",
]
