"""Whether a changed image is still the one that it was."""

import torch
from torch import Tensor

AT_ONCE = 256  # images compared with all others at a time
TIES = 1e-5  # correlations of less apart are one: an original may be among the others itself


class Recognised:
    """Whether x′ is more like its own original than like any of M other real images, by correlation of pixels.

    The mean over many x′ is the rate of re-identification, with correlations instead of distances because brightness
    and contrast are nobody's identity. What keeps the person, the pose and the framing is recognised among strangers.

    Args:
        others: real images M×….
    """

    def __init__(self, others: Tensor) -> None:
        self.others = others.flatten(1)
        spread = torch.cat([_centred(part).norm(dim=1) for part in self.others.split(AT_ONCE)])
        self.spread = torch.where(spread > 0, spread, torch.inf)  # what has no contrast is like nobody

    def __call__(self, x_prime: Tensor, x: Tensor) -> Tensor:
        """N bool, of images N×… and their originals; false where one has no contrast or is not finite."""
        pairs = zip(x_prime.flatten(1).split(AT_ONCE), x.flatten(1).split(AT_ONCE), strict=True)
        return torch.cat([self._compare(_centred(a), _centred(b)) for a, b in pairs])

    def _compare(self, x_prime: Tensor, x: Tensor) -> Tensor:
        """All correlations are times ‖x′‖; of centred images with others as they are, whose means do not count then."""
        own = (x_prime * x).sum(1) / x.norm(dim=1)
        strangers = (x_prime @ self.others.T / self.spread).amax(1)
        return own > strangers - TIES * x_prime.norm(dim=1)


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(1, keepdim=True)
