import pytest
import torch

from counterfactuals.memory import advising, lacks_memory, most_memory, shortage


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


def test_what_was_held_for_a_moment_counts() -> None:
    """In GB of 10⁹ bytes: a process that has held 2 of them has held at least 2, and this one no 50."""
    del_at_once = torch.ones(2_000_000_000, dtype=torch.int8)
    del del_at_once
    taken = most_memory(torch.device("cpu"))
    assert list(taken) == ["memory"] and 2.0 <= float(taken["memory"].removesuffix(" GB")) < 50
