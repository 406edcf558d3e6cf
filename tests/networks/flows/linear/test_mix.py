import torch
import torch.nn.functional as F

from networks.flows.linear.mix import mix


def test_both_ways_to_multiply_agree() -> None:
    matrix, x = torch.randn(5, 5), torch.randn(2, 5, 3, 4)
    expected = F.conv2d(x, matrix[:, :, None, None])
    assert torch.allclose(mix(matrix, x), expected)
    assert torch.allclose(torch.einsum("ij,bjhw->bihw", matrix, x), expected, atol=1e-5)
