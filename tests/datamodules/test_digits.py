import torch

from datamodules import Digits


def test_real_images_in_disjoint_splits() -> None:
    data = Digits()
    images = {name: data.split(name).x for name in ("train", "val", "test")}
    assert sum(len(x) for x in images.values()) == 1797
    assert images["test"].shape == (449, *data.shape)
    for x in images.values():
        assert x.dtype == torch.float32 and torch.equal((x * 16).round() / 16, x) and x.min() >= 0 and x.max() <= 1


def test_batches() -> None:
    batch = next(iter(Digits(batch_size=7).val_dataloader()))
    assert batch["x"].shape == (7, 1, 8, 8) and batch["y"].dtype == torch.int64
    assert batch["index"].tolist() == list(range(7))
