from pathlib import Path

import pytest
import torch

from datamodules import MNIST, BinarizedMNIST
from tests.support.trees import write_mnist

REAL = Path(__file__).parents[3] / "shared" / "data"


def test_pixels_are_zeros_and_ones_with_the_grey_values_as_their_means(tmp_path: Path) -> None:
    root = str(write_mnist(tmp_path, n_train=400))
    data, grey = BinarizedMNIST(root, n_val=100), MNIST(root, n_val=100)
    assert data.levels == 2 and [len(data.split(s)) for s in ("train", "val", "test")] == [300, 100, 40]
    for name in ("train", "val", "test"):
        every = list(range(len(data.split(name))))
        drawn, means = (d.split(name).__getitems__(every) for d in (data, grey))
        assert torch.equal(drawn["y"], means["y"]) and drawn["x"].dtype == torch.float32
        assert set(drawn["x"].unique().tolist()) == {0.0, 1.0}
        p = means["x"]
        assert not drawn["x"][p == 0].any()
        z = (drawn["x"] - p).sum() / (p * (1 - p)).sum().sqrt()
        assert abs(z) < 4


def test_drawn_once_by_seed(tmp_path: Path) -> None:
    root = str(write_mnist(tmp_path))
    first, again, other = (BinarizedMNIST(root, n_val=20, seed=s).split("train") for s in (0, 0, 1))
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()
    assert torch.equal(first.__getitems__([3])["x"], first.__getitems__([3])["x"])
    tests = [BinarizedMNIST(root, n_val=n).split("test").fingerprint() for n in (20, 30)]
    assert tests[0] == tests[1]


def test_what_is_measured_is_that_of_the_grey_images(tmp_path: Path) -> None:
    root, asked = str(write_mnist(tmp_path)), ["slant", "length"]
    black, grey = (kind(root, n_val=20, attributes=asked) for kind in (BinarizedMNIST, MNIST))
    for name in ("train", "val", "test"):
        assert torch.equal(black.split(name).attributes, grey.split(name).attributes)
    assert black.attribute_names == asked and black.split("val").__getitems__([2])["attributes"].shape == (1, 2)


@pytest.mark.skipif(not (REAL / "MNIST").is_dir(), reason="the real MNIST is not here")
def test_the_real_one() -> None:
    data = BinarizedMNIST(str(REAL))
    assert [len(data.split(s)) for s in ("train", "val", "test")] == [50_000, 10_000, 10_000]
    assert abs(data.split("test").__getitems__(range(10_000))["x"].mean() - 0.1325) < 1e-3
