from collections.abc import Iterator

import pytest
import torch

from networks.precision import exact, no_tf32, uses_tf32


@pytest.fixture(autouse=True)
def switches() -> Iterator[None]:
    """Whatever a test turns is turned back."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@pytest.mark.parametrize("before", [True, False])
def test_tf32_is_off_inside_and_as_it_was_afterwards(before: bool) -> None:
    torch.backends.cudnn.allow_tf32 = before
    with no_tf32():
        assert not uses_tf32() and torch.get_float32_matmul_precision() == "highest"
    assert torch.backends.cudnn.allow_tf32 is before and uses_tf32() is before
    with pytest.raises(KeyError), no_tf32():
        raise KeyError
    assert torch.backends.cudnn.allow_tf32 is before


@pytest.mark.skipif(not hasattr(torch.backends, "fp32_precision"), reason="torch 2.9 brought these names")
def test_switches_that_were_turned_by_their_newer_names() -> None:
    """Then torch refuses to say by the older ones how they stand."""
    torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision = "ieee", "tf32"
    with no_tf32():
        assert not uses_tf32()
    assert torch.backends.cuda.matmul.fp32_precision == "tf32" and torch.backends.cudnn.conv.fp32_precision == "ieee"


def test_exact_leaves_autocast() -> None:
    a = torch.randn(4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert (a @ a).dtype == torch.bfloat16
        with exact(a.device):
            assert (a @ a).dtype == torch.float32
