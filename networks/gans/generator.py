"""What generators and discriminators have in common."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.checks import each, whole
from networks.errors import InputError


class Generator(nn.Module):
    """z → x, z = (latent, label): normal numbers, and where it is conditional the label's coordinates after them.

    A label is one coordinate for every class, 1 for its own and 0 for the others; of two classes it is a single one, ±1
    (the progressive GAN of Dombrowski et al., IV.B: 511 + 1). So a search may walk in the label as in the latent.

    Args:
        shape: of one sample, ``[C, H, W]``.
        latent_dim: normal numbers.
        num_classes: ``None`` for a generator that knows no classes.

    Attributes:
        label_dim: coordinates of the label.
        dim: D, all coordinates of z.
        class_shares: how often each class is drawn, K; all alike until a training sets those of its images. Of
            conditional generators alone.

    Shapes:
        z of B×D → x of B×C×H×W in [0, 1].
    """

    class_shares: Tensor

    def __init__(self, shape: Sequence[int], latent_dim: int, num_classes: int | None = None) -> None:
        super().__init__()
        InputError.collect(
            each(whole, 1, shape=shape)
            + whole(1, latent_dim=latent_dim)
            + ([] if num_classes is None else whole(2, num_classes=num_classes))
        )
        if len(shape) != 3:
            raise InputError(f"a generator makes images C×H×W, not samples of shape {tuple(shape)}")
        self.shape, self.latent_dim, self.num_classes = tuple(shape), latent_dim, num_classes
        self.label_dim = 1 if num_classes == 2 else num_classes or 0
        self.dim = latent_dim + self.label_dim
        if num_classes is not None:
            self.register_buffer("class_shares", torch.full((num_classes,), 1 / num_classes))

    def draw(self, n: int, y: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """n z of the prior, n×D on the CPU; of the classes y (n int64), or by ``class_shares``."""
        latent = torch.randn(n, self.latent_dim, generator=generator)
        if self.num_classes is None:
            return latent
        if y is None:
            y = torch.multinomial(self.class_shares.cpu(), n, replacement=True, generator=generator)
        return torch.cat([latent, self.label(y.cpu()).to(latent)], 1)

    def label(self, y: Tensor) -> Tensor:
        """Coordinates of classes y (n int64), n×``label_dim`` float32.

        Raises:
            InputError: a class that there is not.
        """
        if self.num_classes is None:
            raise InputError("the generator knows no classes: give it num_classes")
        if len(y) and not 0 <= int(y.min()) <= int(y.max()) < self.num_classes:
            wrong = y[(y < 0) | (y >= self.num_classes)][0]
            raise InputError(f"the generator knows classes 0 to {self.num_classes - 1}; got label {int(wrong)}")
        if self.num_classes == 2:
            return 2.0 * y[:, None] - 1.0
        return F.one_hot(y, self.num_classes).float()


class Critic(nn.Module):
    """φ(x) and what it says of x: wᵀφ(x) + b, and for a class y also e_yᵀφ(x) (projection; Miyato & Koyama 2018).

    Args:
        features: F of φ.
        num_classes: ``None`` where it knows no classes.
        linear: makes the layer that reads φ, of (features, values).

    Shapes:
        φ of B×F, y of B int64 → B logits, positive where x seems real.
    """

    def __init__(self, features: int, num_classes: int | None = None, linear: type[nn.Module] = nn.Linear) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.head = linear(features, 1)
        self.classes = None if num_classes is None else nn.Embedding(num_classes, features)

    def forward(self, phi: Tensor, y: Tensor | None = None) -> Tensor:
        logits = self.head(phi)[:, 0]
        if self.classes is None:
            return logits
        if y is None:
            raise InputError("a conditional discriminator needs the labels y of its samples")
        return logits + (self.classes(y) * phi).sum(1) / phi.shape[1] ** 0.5


def check_widths(shape: Sequence[int], widths: Sequence[int]) -> int:
    """How often 4×4 pixels are doubled to be an image of ``shape``, when ``widths`` name the channels of every size.

    Raises:
        InputError: the image is no square whose side is four times a power of two, or there are not as many widths.
    """
    InputError.collect(each(whole, 1, shape=shape, widths=widths))
    side = shape[-1]
    doublings = (side // 4).bit_length() - 1
    if shape[-2] != side or side != 4 * 2 ** max(doublings, 0):
        raise InputError(
            f"images of {shape[-2]}×{side} are no squares with a side of four times a power of two: set --data.size to "
            "one, or use networks.DCGenerator and networks.DCDiscriminator, which take every size"
        )
    if len(widths) != doublings + 1:
        sizes = ", ".join(str(4 * 2**i) for i in range(doublings + 1))
        raise InputError(
            f"widths must name the channels at {sizes} pixels, {doublings + 1} of them; got {list(widths)}"
        )
    return doublings
