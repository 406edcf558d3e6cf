"""Normalizing flows: diffeomorphisms with a tractable density."""

from networks.flows.actnorm import ActNorm
from networks.flows.cache import WeightCache, forget
from networks.flows.centre import Centre
from networks.flows.chain import Chain
from networks.flows.circular_conv import CircularConv
from networks.flows.continuous import ContinuousFlow
from networks.flows.coupling import ChannelCoupling, CheckerboardCoupling
from networks.flows.dequantize import cell_bounds, dequantize
from networks.flows.flow import Flow, Latent
from networks.flows.glow import Glow
from networks.flows.householder import Orthogonal, reflect, reflect_each
from networks.flows.logit import Logit
from networks.flows.lu_conv import LUConv
from networks.flows.marginals import Marginals
from networks.flows.multi_scale import MultiScale
from networks.flows.periodic_conv import PeriodicConv
from networks.flows.permute import Permute
from networks.flows.realnvp import RealNVP
from networks.flows.solvers import RK4, Adaptive, Midpoint
from networks.flows.squeeze import Squeeze
from networks.flows.subnets import ConvNet, ResNet
from networks.flows.svd import SVD, BoundedLinear, SVDConv, SVDLinear
from networks.flows.vector_realnvp import VectorRealNVP
from networks.flows.whiten import Whiten

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
