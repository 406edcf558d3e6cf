"""What is looked at: one data set per file."""

from datamodules.base import Batch, DataModule, Split
from datamodules.binarized_mnist import BinarizedMNIST
from datamodules.celeba import CelebA
from datamodules.celeba_hq import CelebAHQ
from datamodules.chexpert import CheXpert
from datamodules.digits import Digits
from datamodules.drawn.circles_and_squares import CirclesAndSquares, diameters
from datamodules.fashion_mnist import FashionMNIST
from datamodules.helix import Helix, distance_to_helix
from datamodules.image_folder import ImageFolder
from datamodules.images.augmentations import Augmentation, Mirror, Shift
from datamodules.mall import Mall
from datamodules.mnist import MNIST
from datamodules.scenes import Scenes

__all__ = [
    "MNIST",
    "Augmentation",
    "Batch",
    "BinarizedMNIST",
    "CelebA",
    "CelebAHQ",
    "CheXpert",
    "CirclesAndSquares",
    "DataModule",
    "Digits",
    "FashionMNIST",
    "Helix",
    "ImageFolder",
    "Mall",
    "Mirror",
    "Scenes",
    "Shift",
    "Split",
    "diameters",
    "distance_to_helix",
]
