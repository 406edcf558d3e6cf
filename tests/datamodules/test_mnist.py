from pathlib import Path

import pytest
import torch

from datamodules import MNIST
from datamodules.images.morphology import NAMES, measure
from networks.errors import InputError
from tests.support.trees import write_mnist

REAL = Path(__file__).parents[3] / "shared" / "data"


def test_torchvisions_layout(tmp_path: Path) -> None:
    data = MNIST(str(write_mnist(tmp_path)), n_val=20)
    assert [len(data.split(s)) for s in ("train", "val", "test")] == [60, 20, 40]
    batch = next(iter(data.test_dataloader()))
    assert batch["x"].shape == (40, 1, 28, 28) and batch["x"].max() == 230 / 255
    assert batch["y"].tolist() == [i % 10 for i in range(40)]


def test_missing_files_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no complete MNIST in .*--data.root.*--data.download true"):
        MNIST(str(tmp_path)).split("test")
    write_mnist(tmp_path)
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(InputError, match="no complete MNIST"):
        MNIST(str(tmp_path), n_val=20).split("test")


def test_a_download_that_fails_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\n<urlopen error>")

    data = MNIST(str(tmp_path), download=True)
    monkeypatch.setattr(data, "source", type("MNIST", (), {"__init__": offline}))
    with pytest.raises(InputError, match=r"^--data.download true: MNIST cannot be fetched into .* by hand"):
        data.prepare_data()


def test_n_val_must_leave_something(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="n_val must be between 1 and 79; got 80"):
        MNIST(str(write_mnist(tmp_path)), n_val=80).split("train")


def test_what_is_measured_belongs_to_the_images(tmp_path: Path) -> None:
    data = MNIST(str(write_mnist(tmp_path)), n_val=20, attributes=["width", "thickness"])
    for name in ("train", "val", "test"):
        split = data.split(name)
        batch = split.__getitems__([3, 1])
        expected = measure(batch["x"])
        assert torch.equal(batch["attributes"], expected[:, [NAMES.index("width"), NAMES.index("thickness")]])
        assert split.attributes.shape == (len(split), 2) and (split.attributes[:, 0] - 14.4).abs().max() < 1
    assert data.attribute_names == ["width", "thickness"] and MNIST().attribute_names == []


def test_other_measures_are_another_split(tmp_path: Path) -> None:
    root = str(write_mnist(tmp_path))
    asked = (None, ["width"], ["slant"], ["slant", "width"])
    splits = [MNIST(root, n_val=20, attributes=names).split("val") for names in asked]
    assert len({split.fingerprint() for split in splits}) == 4 and splits[0].attributes is None
    assert "attributes" not in splits[0].__getitems__([0])


def test_what_is_not_measured() -> None:
    with pytest.raises(
        InputError, match="names 'weight', 'Width', which is not measured: choose of thickness, slant, wid"
    ):
        MNIST(attributes=["width", "weight", "Width"])


@pytest.mark.skipif(not (REAL / "MNIST").is_dir(), reason="the real MNIST is not here")
def test_the_real_one() -> None:
    data = MNIST(str(REAL))
    assert [len(data.split(s)) for s in ("train", "val", "test")] == [55_000, 5_000, 10_000]
    mean = data.split("test").__getitems__(range(10_000))["x"].mean()
    assert abs(mean - 0.1325) < 1e-3 and torch.bincount(data.split("test").y).tolist()[4] == 982
