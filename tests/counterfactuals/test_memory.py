import pytest
import torch

from counterfactuals.memory import advising, lacks_memory, shortage


def test_the_innermost_advice_counts() -> None:
    with pytest.raises(torch.OutOfMemoryError) as told, advising("lower the outer"), advising("lower the inner"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has a total capacity of 8 GiB")
    said = shortage(told.value, "lower anything")
    assert said == "out of memory: lower the inner (CUDA out of memory. Tried to allocate 2 GiB)"


def test_other_errors_are_not_advised_upon() -> None:
    with pytest.raises(RuntimeError, match="shapes") as told, advising("lower it"):
        raise RuntimeError("shapes cannot be multiplied")
    assert not hasattr(told.value, "__notes__") and not lacks_memory(told.value)


def test_the_machines_memory_counts_as_well() -> None:
    with pytest.raises(RuntimeError) as told, advising("lower it"):
        torch.zeros(10**15)
    assert lacks_memory(told.value) and "DefaultCPUAllocator" in shortage(told.value, "")
    assert shortage(MemoryError(), "lower it") == "out of memory: lower it (MemoryError)"
