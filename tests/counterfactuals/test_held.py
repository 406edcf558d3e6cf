from torch import nn

from counterfactuals import Ascent, Diverse, FeatureL2, MinimalChange, PixelL1, ReachClass
from counterfactuals.held import modules_in


def test_networks_at_any_depth_each_once() -> None:
    one, two = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2))
    diverse = Diverse(Ascent(distance=FeatureL2(one)), members=2)
    objects = [
        diverse,
        {"a": (MinimalChange(FeatureL2(two)), FeatureL2(one))},
        Ascent(distance=PixelL1()),
        ReachClass(),
    ]
    assert modules_in(*objects, None, "text", 3) == [one, two]


def test_a_circle_ends() -> None:
    class Holder:
        def __init__(self) -> None:
            self.me, self.network = self, nn.Linear(1, 1)

    holder = Holder()
    assert modules_in(holder) == [holder.network]
