import pytest
import torch
from torch import Tensor

from datamodules import Augmentation, Mirror, Shift
from networks import InputError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 64) -> Tensor:
    return torch.randint(256, (n, 3, 10, 12), generator=generator(9)) / 255


def test_a_mirror_exchanges_left_and_right_of_half_the_images() -> None:
    x = images()
    y = Mirror()(x, generator())
    mirrored = torch.tensor([torch.equal(b, a.flip(-1)) for a, b in zip(x, y, strict=True)])
    same = torch.tensor([torch.equal(a, b) for a, b in zip(x, y, strict=True)])
    assert (mirrored ^ same).all() and 16 < mirrored.sum() < 48
    assert torch.equal(Mirror(1.0)(x, generator()), x.flip(-1)) and torch.equal(Mirror(0.0)(x, generator()), x)


def test_every_image_is_shifted_by_its_own_and_mirrored_at_the_border() -> None:
    x = images()
    y = Shift(3)(x, generator())
    padded = torch.nn.functional.pad(x, (3, 3, 3, 3), mode="reflect")
    found = set()
    for i in range(len(x)):
        places = [
            (dy, dx)
            for dy in range(7)
            for dx in range(7)
            if torch.equal(padded[i, :, dy : dy + 10, dx : dx + 12], y[i])
        ]
        assert len(places) == 1
        found.update(places)
    assert len(found) > 20  # of 49


@pytest.mark.parametrize("change", [Mirror(), Shift(2)])
def test_the_same_draws_are_the_same_images_of_the_same_grey_values(change: Augmentation) -> None:
    x = images()
    y = change(x, generator(1))
    assert torch.equal(y, change(x, generator(1))) and not torch.equal(y, change(x, generator(2)))
    assert set(y.unique().tolist()) <= set(x.unique().tolist())


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="p must"):
        Mirror(1.5)
    with pytest.raises(InputError, match="pixels must be positive; got 0"):
        Shift(0)
    with pytest.raises(InputError, match="up to 10 pixels, and the images are 10×12: take fewer"):
        Shift(10)(images(), generator())
