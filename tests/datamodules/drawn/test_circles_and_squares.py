import pytest
import torch

from datamodules import CirclesAndSquares, diameters
from datamodules.drawn.circles_and_squares import drawn
from networks import InputError


def batch(n: int = 2000) -> dict[str, torch.Tensor]:
    return CirclesAndSquares(n_train=n).split("train").__getitems__(list(range(n)))


def test_the_size_alone_goes_along_with_the_class() -> None:
    b = batch()
    x, large, size = b["x"], b["y"] == 1, diameters(b["x"])
    assert 0.45 < large.float().mean() < 0.55
    assert size[~large].min() >= 6.5 and size[~large].max() <= 11.5
    assert size[large].min() >= 13.5 and size[large].max() <= 18.5
    ink, ground = x.flatten(1).amax(1), x.flatten(1).median(1).values
    covered = (x > ((ink + ground) / 2)[:, None, None, None]).flatten(1).sum(1) / size.square()
    square = covered > 0.9  # a circle covers π/4 of its box
    for cue in (ink, ground, square.float()):
        apart = (cue[large].mean() - cue[~large].mean()).abs() / cue.std()
        assert apart < 0.1
    assert 0.4 < square.float().mean() < 0.6


def test_objects_are_whole_and_stand_anywhere() -> None:
    x = batch(500)["x"]
    edge = torch.cat([x[..., 0, :], x[..., -1, :], x[..., :, 0], x[..., :, -1]], -1)
    assert (edge.amax(-1) < 0.45).all(), "nothing touches the edge"
    assert (x.mean(0)[0, 6:26, 6:26] > 0.16).all()


def test_measured_diameters_are_what_was_drawn() -> None:
    for side in (7, 10, 15):
        x = torch.full((1, 1, 32, 32), 0.1)
        x[..., 4 : 4 + side, 9 : 9 + side] = 0.8
        assert diameters(x).item() == side
        x[0, 0, ::5, ::6] = 1.0
        assert diameters(x).item() == side, "noise is no object"


def test_same_seed_same_images_and_splits_differ() -> None:
    few, many = drawn(10, 3), drawn(40, 3)
    assert torch.equal(few.x, many.x[:10]) and torch.equal(few.y, many.y[:10])
    data = CirclesAndSquares(n_train=20, n_val=20, n_test=20)
    assert not torch.equal(data.split("train").x, data.split("test").x)
    assert not torch.equal(data.split("train").x, CirclesAndSquares(n_train=20, seed=1).split("train").x)
    with pytest.raises(InputError, match="n_train must be positive; got 0"):
        CirclesAndSquares(n_train=0)
