from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat

from datamodules import Mall
from datamodules.mall import cut, read_heads
from networks import InputError
from tests.support.trees import write_jpeg, write_mall


def test_tiles_hold_the_heads_that_were_annotated(tmp_path: Path) -> None:
    """Frames of 96×64 in tiles of 32: three by two, heads k at (10 + 16 k, 20 + i), doubled in size."""
    data = Mall(str(write_mall(tmp_path, n=20)), tile=32, fractions=(0.5, 0.2, 0.2), gap=1)
    train = data.split("train")
    assert len(train) == 10 * 6 and data.shape == (3, 64, 64) and data.task == "regression"
    batch = train.__getitems__(range(len(train)))
    assert torch.equal(batch["map"].sum((1, 2, 3)), batch["y"])
    per_frame = batch["y"].view(10, 6).sum(1)
    assert per_frame.tolist() == [i % 5 for i in range(10)]
    # frame 4: heads at x = 10, 26, 42, 58 and y = 24, so two in each of the first two tiles of the first row
    maps = batch["map"].view(10, 6, 64, 64)[4]
    assert maps[0].nonzero().tolist() == [[48, 20], [48, 52]]
    assert maps[1].nonzero().tolist() == [[48, 20], [48, 52]]
    assert data.value_range == (0.0, 2.0)
    assert batch["x"].dtype == torch.float32 and batch["x"].min() >= 0 and batch["x"].max() <= 1


def test_tiles_are_pieces_of_the_frame(tmp_path: Path) -> None:
    write_jpeg(tmp_path / "f.jpg", 100, (64, 128, 3))
    x, maps, counts = cut(tmp_path / "f.jpg", np.array([[127.9, 63.9], [200.0, 10.0]]), tile=64)
    assert x.shape == (2, 3, 64, 64) and counts.tolist() == [0, 1]  # nobody outside of the frame
    assert maps[1, 0].nonzero().tolist() == [[63, 63]]


def test_splits_are_stretches_of_time(tmp_path: Path) -> None:
    data = Mall(str(write_mall(tmp_path, n=40)), tile=32, fractions=(0.5, 0.25, 0.25), gap=3)
    assert data._stretches(40) == {"train": (0, 20), "val": (23, 30), "test": (33, 40)}
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [120, 42, 42]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no '.*mall_gt.mat': get mall_dataset.zip"):
        Mall(str(tmp_path)).setup()
    root = write_mall(tmp_path / "gap", n=20)
    (root / "frames" / "seq_000007.jpg").unlink()
    (root / "frames" / "seq_000008.jpg").unlink()
    with pytest.raises(InputError, match=r"lacks 2 of the 20 annotated frames, first seq_000007\.jpg"):
        Mall(str(root), tile=32, gap=1).setup()


def test_a_broken_frame_is_named(tmp_path: Path) -> None:
    root = write_mall(tmp_path)
    (root / "frames" / "seq_000003.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"seq_000003.jpg cannot be read as an image"):
        Mall(str(root), tile=32, gap=1).setup()
    with pytest.raises(InputError, match=r"96×64: no tile of 160 pixels fits in"):
        Mall(str(write_mall(tmp_path / "small")), gap=1).setup()


def test_annotations_that_are_absent_or_contradict_themselves(tmp_path: Path) -> None:
    file = tmp_path / "mall_gt.mat"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="cannot be read as a MATLAB file"):
        read_heads(file)
    savemat(file, {"perspective": np.ones((2, 2))})
    with pytest.raises(InputError, match=r"has no annotations \(frame and count\); it holds \['perspective'\]"):
        read_heads(file)
    stored = loadmat(write_mall(tmp_path / "m") / "mall_gt.mat")
    savemat(file, {"frame": stored["frame"], "count": stored["count"] + (np.arange(20) == 6)[:, None]})
    with pytest.raises(InputError, match="frame 7 differ in the number of heads"):
        read_heads(file)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fractions": (0.9, 0.2, 0.2)}, "add up to 1 at most"),
        ({"fractions": (0.9, 0.05, 0.05), "gap": 10}, "leave none for val"),
    ],
)
def test_fractions_that_leave_nothing(tmp_path: Path, settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Mall(str(write_mall(tmp_path)), tile=32, **settings).setup()
