import torch

from callbacks.training.tangents import tangent_grid


def test_grey_is_where_nothing_changes() -> None:
    tangents = torch.zeros(1, 2, 1, 2, 2)
    tangents[0, 0, 0, 0, 0], tangents[0, 0, 0, 1, 1] = -3.0, 1.5
    grid = tangent_grid(torch.ones(1, 1, 2, 2), tangents)
    assert grid[0, 1:3, 4:6].tolist() == [[0.0, 0.5], [0.5, 0.75]]
    assert grid[0, 1:3, 7:9].tolist() == [[0.5, 0.5], [0.5, 0.5]]
