"""Plain convolutional classifier."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from networks.checks import each, finite, image, positive, whole, within
from networks.errors import InputError


class CNN(nn.Module):
    """Strided 3×3 convolutions, global average pooling, linear head.

    The shape of the MNIST and CelebA classifiers of *Diffeomorphic Counterfactuals*
    (16-32-64-64 and 32…256 channels there), at free width and depth.

    Args:
        shape: ``[C, H, W]`` of one image with values in [0, 1].
        num_classes: width K ≥ 2 of the logits.
        widths: channels of the stages; the second and every later stage halves the resolution.
        dropout: probability of dropping a penultimate feature in training.
        mean, std: x is normalised as ``(x - mean) / std`` inside the network.

    Shapes:
        x of B×C×H×W → logits of B×K.
    """

    def __init__(
        self,
        shape: Sequence[int],
        num_classes: int,
        widths: Sequence[int] = (16, 32, 64, 64),
        dropout: float = 0.0,
        mean: float = 0.5,
        std: float = 0.5,
    ) -> None:
        super().__init__()
        InputError.collect(
            image(shape)
            + whole(1, num_classes=num_classes)
            + each(whole, 1, widths=widths)
            + within(0, 1, dropout=dropout)
            + finite(mean=mean)
            + positive(std=std)
        )
        self.shape = tuple(shape)
        self.mean, self.std = mean, std
        channels = [shape[0], *widths]
        self.stages = nn.Sequential(
            *(_stage(c_in, c_out, stride=1 if i == 0 else 2) for i, (c_in, c_out) in enumerate(pairwise(channels)))
        )
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dropout = nn.Dropout(dropout)
        self.num_features = channels[-1]
        self.head = nn.Linear(self.num_features, num_classes)

    def feature_maps(self, x: Tensor) -> Tensor:
        """Activations before pooling, B×``num_features``×h×w."""
        return self.stages((x - self.mean) / self.std)

    def pooled(self, maps: Tensor) -> Tensor:
        """The features of feature maps, B×``num_features``."""
        return self.pool(maps)

    def features(self, x: Tensor) -> Tensor:
        """Penultimate activations, B×``num_features``."""
        return self.pooled(self.feature_maps(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(x)))


def _stage(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
        nn.Conv2d(c_out, c_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
    )
