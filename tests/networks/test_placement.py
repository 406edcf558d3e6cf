import torch
from torch import nn

from networks.placement import blank, device_of, dtype_of, misplaced


def test_a_network_is_where_its_weights_are() -> None:
    meta = nn.Linear(3, 2, device="meta", dtype=torch.float64)
    assert device_of(meta) == torch.device("meta") and dtype_of(meta) == torch.float64
    assert device_of(nn.Identity()) == torch.device("cpu") and dtype_of(nn.Identity()) == torch.float32
    buffered = nn.Module()
    buffered.register_buffer("steps", torch.tensor(3))
    assert dtype_of(buffered) == torch.float32, "an integer is no type for samples"
    x = blank(meta, [3])
    assert x.shape == (1, 3) and x.device.type == "meta" and x.dtype == torch.float64


def test_what_does_not_fit_is_named() -> None:
    x = torch.zeros(2, 3)
    assert misplaced(nn.Linear(3, 2), x) is None and misplaced(nn.Identity(), x) is None
    assert "weights are on meta and the samples on cpu" in str(misplaced(nn.Linear(3, 2, device="meta"), x))
    half = nn.Linear(3, 2, dtype=torch.bfloat16)
    assert "torch.bfloat16 and the samples torch.float32: call .float()" in str(misplaced(half, x))
    with torch.autocast("cpu", torch.bfloat16):
        assert misplaced(half, x) is None
