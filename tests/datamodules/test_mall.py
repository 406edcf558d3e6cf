from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import loadmat, savemat

from datamodules import Mall, mall
from datamodules.mall import grid, located, read_heads, tiles
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
    corners = grid((128, 64), 64, 64)
    maps, counts = located(np.array([[127.9, 63.9], [200.0, 10.0]]), corners, 64)
    assert counts.tolist() == [0, 1]  # nobody outside of the frame
    assert maps[1, 0].nonzero().tolist() == [[63, 63]]
    frame = np.asarray(Image.open(tmp_path / "f.jpg"))
    left, right = tiles((128, 64), corners, 64, tmp_path / "f.jpg").transpose(0, 2, 3, 1)
    assert np.array_equal(np.concatenate([left, right], 1), frame)
    with pytest.raises(InputError, match=r"f.jpg is 128×64, and the first frame 64×64: all must have one size"):
        tiles((64, 64), corners, 64, tmp_path / "f.jpg")


def test_the_first_tiles_to_be_explained_are_of_frames_from_everywhere(tmp_path: Path) -> None:
    data = Mall(str(write_mall(tmp_path, n=40)), tile=32, fractions=(0.25, 0.25, 0.5), gap=0)
    counts = data.split("test").y.view(20, 6).sum(1)  # a frame's tiles stay together; frame i has i mod 5 heads
    assert sorted(counts.tolist()) == sorted(i % 5 for i in range(20, 40))
    assert counts.tolist() != [i % 5 for i in range(20, 40)]


def test_train_may_have_tiles_that_overlap(tmp_path: Path) -> None:
    """Three by two of 32 side by side, five by three at half of it; val and test keep theirs."""
    root = str(write_mall(tmp_path, n=20))
    settings = {"tile": 32, "fractions": (0.5, 0.2, 0.2), "gap": 1}
    data = Mall(root, stride=16, **settings)
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [10 * 15, 18, 18]
    half, whole = (d.split("train").__getitems__(range(n)) for d, n in ((data, 150), (Mall(root, **settings), 60)))
    columns = [0, 2, 4, 10, 12, 14]  # of every fifteen, the six that lie side by side
    for key in ("x", "y", "map"):
        assert torch.equal(half[key].unflatten(0, (10, 15))[:, columns].flatten(0, 1), whole[key])


def test_frames_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_mall(tmp_path, n=20)
    settings = {"tile": 32, "fractions": (0.5, 0.2, 0.2), "gap": 1}
    before = Mall(str(root), **settings).split("train")
    with monkeypatch.context() as patch:
        patch.setattr(mall, "tiles", lambda *args: pytest.fail("decoded again"))
        again = Mall(str(root), **settings).split("train")
    assert torch.equal(again.x, before.x) and again.fingerprint() == before.fingerprint()
    write_jpeg(root / "frames" / "seq_000001.jpg", 200, (64, 96, 3))
    changed = Mall(str(root), **settings).split("train")
    assert not torch.equal(changed.x, before.x) and changed.fingerprint() != before.fingerprint()


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
