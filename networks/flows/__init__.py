"""Normalizing flows: diffeomorphisms with a tractable density."""

from networks.flows.chain import Chain
from networks.flows.continuous import ContinuousFlow
from networks.flows.flow import Flow, Latent
from networks.flows.glow import Glow
from networks.flows.layers.actnorm import ActNorm
from networks.flows.layers.centre import Centre
from networks.flows.layers.coupling import ChannelCoupling, CheckerboardCoupling
from networks.flows.layers.dequantize import cell_bounds, dequantize
from networks.flows.layers.logit import Logit
from networks.flows.layers.marginals import Marginals
from networks.flows.layers.multi_scale import MultiScale
from networks.flows.layers.permute import Permute
from networks.flows.layers.squeeze import Squeeze
from networks.flows.layers.subnets import ConvNet, ResNet
from networks.flows.layers.whiten import Whiten
from networks.flows.linear.cache import WeightCache, forget
from networks.flows.linear.circular_conv import CircularConv
from networks.flows.linear.householder import Orthogonal, reflect, reflect_each
from networks.flows.linear.lu_conv import LUConv
from networks.flows.linear.periodic_conv import PeriodicConv
from networks.flows.linear.svd import SVD, BoundedLinear, SVDConv, SVDLinear
from networks.flows.realnvp import RealNVP
from networks.flows.solvers import RK4, Adaptive, Midpoint
from networks.flows.vector_realnvp import VectorRealNVP

__all__ = [
    "RK4",
    "SVD",
    "ActNorm",
    "Adaptive",
    "BoundedLinear",
    "Centre",
    "Chain",
    "ChannelCoupling",
    "CheckerboardCoupling",
    "CircularConv",
    "ContinuousFlow",
    "ConvNet",
    "Flow",
    "Glow",
    "LUConv",
    "Latent",
    "Logit",
    "Marginals",
    "Midpoint",
    "MultiScale",
    "Orthogonal",
    "PeriodicConv",
    "Permute",
    "RealNVP",
    "ResNet",
    "SVDConv",
    "SVDLinear",
    "Squeeze",
    "VectorRealNVP",
    "WeightCache",
    "Whiten",
    "cell_bounds",
    "dequantize",
    "forget",
    "reflect",
    "reflect_each",
]
