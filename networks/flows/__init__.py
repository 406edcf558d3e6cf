"""Normalizing flows: diffeomorphisms with a tractable density."""

from networks.flows.dequantize import cell_bounds, dequantize
from networks.flows.flow import Flow, Latent
from networks.flows.logit import Logit
from networks.flows.permute import Permute
from networks.flows.vector_realnvp import VectorRealNVP

__all__ = ["Flow", "Latent", "Logit", "Permute", "VectorRealNVP", "cell_bounds", "dequantize"]
