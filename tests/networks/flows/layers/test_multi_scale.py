from functools import partial

import pytest
import torch

from networks import ConvNet, Glow, InputError, Permute
from networks.flows import ActNorm, Chain, Squeeze
from networks.flows.layers.multi_scale import MultiScale, image_dims
from tests.networks.flows.identities import check_start_and_beyond


def test_identities() -> None:
    """Three channels: an odd number leaves after the first scale."""
    first, second = ActNorm([(3, 4, 4)]), Chain([(1, 4, 4)], None, [Squeeze([(1, 4, 4)]), ActNorm([(4, 2, 2)])])
    check_start_and_beyond(MultiScale([(3, 4, 4)], None, [first, second]))


def test_flat_latents_put_what_leaves_first_first() -> None:
    """Half of the first scale's channels are the first half of z."""
    flow = Glow([1, 8, 8], 2, 2, partial(ConvNet, width=8), mixing=Permute)
    z = torch.zeros(1, 64)
    z[:, :32] = 1
    changed = (flow.inverse(z) != flow.inverse(torch.zeros(1, 64))).float().mean()
    assert changed == 0.5


def test_dims() -> None:
    assert image_dims([3, 8, 8], 3, 0) == ([(3, 8, 8)], [])
    assert image_dims([1, 5, 7], 0, 4) == ([(1, 5, 7)], [(4,)])


@pytest.mark.parametrize(
    ("shape", "squeezes", "message"),
    [
        ([1, 28, 28], 3, "28×28 cannot be squeezed 3 times: both sides must be multiples of 8"),
        ([1, 28, 28], -1, "cannot be squeezed -1 times"),
        ([784], 0, r"needs shape \[C, H, W\]; got \[784\]"),
    ],
)
def test_mistakes(shape: list[int], squeezes: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        image_dims(shape, squeezes, 0)
