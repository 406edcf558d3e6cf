"""Fashion-MNIST in torchvision's layout."""

from torchvision.datasets import FashionMNIST as TorchvisionFashionMNIST

from datamodules.mnist import MNIST


class FashionMNIST(MNIST):
    """Ten kinds of clothes as 1×28×28 images with 256 grey values.

    Splits, arguments and errors are those of ``MNIST``, though no strokes are measured; the files lie in
    ``root/FashionMNIST/raw/*-ubyte``.
    """

    source = TorchvisionFashionMNIST
    names = tuple(TorchvisionFashionMNIST.classes)
    measures = ()
