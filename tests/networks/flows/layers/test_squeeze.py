import pytest
import torch

from networks import InputError
from networks.flows import Squeeze
from tests.networks.flows.identities import check_start_and_beyond


def test_identities() -> None:
    check_start_and_beyond(Squeeze([(4, 4, 6)]))


def test_squeeze_gathers_blocks_and_refuses_odd_sides() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert Squeeze([(1, 4, 4)])([x])[0][0][0, :, 0, 0].tolist() == [0, 1, 4, 5]
    with pytest.raises(InputError, match="7×7 cannot be squeezed"):
        Squeeze([(1, 7, 7)])
