import math

import pytest
import torch

from networks.flows import Centre
from tests.networks.flows.identities import check_start_and_beyond


def test_identities() -> None:
    check_start_and_beyond(Centre([(4, 4, 6)], gain=2.0))


def test_grey_values_come_to_lie_around_zero() -> None:
    (z,), log_det = Centre([(1, 2, 2)])([torch.tensor([0.0, 0.5, 1.0, 1.0]).view(1, 1, 2, 2)])
    assert z.flatten().tolist() == [-0.5, 0.0, 0.5, 0.5] and log_det.tolist() == [0.0]
    assert Centre([(1, 2, 2)], gain=2.0)([torch.zeros(3, 1, 2, 2)])[1].tolist() == pytest.approx(3 * [4 * math.log(2)])
