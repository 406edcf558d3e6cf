"""Generative adversarial networks: a generator z → x and a discriminator x → logits, and what both are made of."""

from networks.gans.attgan import AttributeDiscriminator, AttributeGenerator, Real, Seen
from networks.gans.augment import AdaptiveAugment
from networks.gans.dcgan import DCDiscriminator, DCGenerator
from networks.gans.equalised import EqualConv2d, EqualLinear, MinibatchDeviation, PixelNorm
from networks.gans.generator import Critic, Generator
from networks.gans.losses import AdversarialLoss, NonSaturating, Wasserstein
from networks.gans.progressive import Growth, ProgressiveDiscriminator, ProgressiveGenerator
from networks.gans.stylegan2 import InW, ModulatedConv2d, StyleDiscriminator, StyleGenerator

__all__ = [
    "AdaptiveAugment",
    "AdversarialLoss",
    "AttributeDiscriminator",
    "AttributeGenerator",
    "Critic",
    "DCDiscriminator",
    "DCGenerator",
    "EqualConv2d",
    "EqualLinear",
    "Generator",
    "Growth",
    "InW",
    "MinibatchDeviation",
    "ModulatedConv2d",
    "NonSaturating",
    "PixelNorm",
    "ProgressiveDiscriminator",
    "ProgressiveGenerator",
    "Real",
    "Seen",
    "StyleDiscriminator",
    "StyleGenerator",
    "Wasserstein",
]
