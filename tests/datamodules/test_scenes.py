import pytest
import torch
from scipy.ndimage import label

from datamodules import Scenes
from datamodules.scenes import _people, scenes
from networks import InputError

EASY = {"most": 12, "difficulty": 0.0, "seed": 0}


def test_counts_and_maps_are_what_was_drawn() -> None:
    split = Scenes(n_train=250, n_val=250, n_test=250).split("train")
    batch = split.__getitems__(range(250))
    assert batch["x"].shape == (250, 1, 64, 64) and batch["x"].min() >= 0 and batch["x"].max() <= 1
    assert batch["y"].dtype == torch.float32 and set(batch["y"].tolist()) == set(map(float, range(13)))
    assert torch.equal(batch["map"].sum((1, 2, 3)), batch["y"])


def test_objects_stand_where_the_map_says() -> None:
    """Without texture or grain every object is a bright blot, with its middle near the map's point."""
    split = scenes(60, torch.ones(1, 8, 8), **EASY)
    for x, heads, count in zip(split.x[:, 0].float(), split.map[:, 0], split.y, strict=True):
        blots, n = label((x > x.median() + 80).numpy())
        assert n <= count  # two that touch are one blot
        for r, c in heads.nonzero().tolist():
            assert blots[r, c] > 0
    apart = scenes(60, torch.ones(1, 8, 8), most=1, difficulty=0.0, seed=1)
    for x, count in zip(apart.x[:, 0].float(), apart.y, strict=True):
        assert label((x > x.median() + 80).numpy())[1] == count


def test_same_seed_same_scenes_for_any_number() -> None:
    few, many = scenes(10, _people(), **EASY), scenes(300, _people(), **EASY)
    assert torch.equal(few.x, many.x[:10]) and torch.equal(few.map, many.map[:10])
    other = scenes(10, _people(), most=12, difficulty=0.0, seed=1)
    assert not torch.equal(few.x, other.x)
    data = Scenes(n_train=10, n_val=10, n_test=10)
    assert not torch.equal(data.split("train").y, data.split("test").y)


def test_harder_scenes_have_less_contrast_and_more_grain() -> None:
    def contrast(difficulty: float) -> tuple[float, float]:
        split = scenes(200, _people(), most=12, difficulty=difficulty, seed=0)
        x, heads = split.x.float(), split.map.bool()
        rough = (x[:, :, :, 1:] - x[:, :, :, :-1]).abs().flatten(1).median(1).values.mean()
        return (x[heads].mean() - x[~heads].mean()).item(), rough.item()

    (easy, smooth), (hard, rough) = contrast(0.0), contrast(1.0)
    assert easy > 1.1 * hard and rough > 1.5 * smooth


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match=r"(?s)difficulty must be in \[0, 1\]; got 2.*most.*got 99"):
        Scenes(difficulty=2, most=99)


def test_explains_values_in_an_interval() -> None:
    data = Scenes(n_train=10, n_val=10, n_test=100, predict_values=(5, 7), predict_limit=4)
    selection = data.predict_selection()
    assert len(selection) == 4 and ((selection.y >= 5) & (selection.y <= 7)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"predict_values": (7, 5)}, "lower and the upper end; got 7 and 5"),
        ({"predict_values": (50, 60)}, r"no sample of test has a label in \(50, 60\)"),
        ({"predict_classes": [3]}, "predict_classes is not for regression, which Scenes is: use predict_values"),
    ],
)
def test_selections_that_cannot_be(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Scenes(n_train=10, n_val=10, n_test=10, **settings).predict_selection()
