"""What a config leaves to the data and the machine."""

from typing import Any

import torch
from pytorch_lightning import LightningDataModule

WIDTHS = {"cuda": [128, 256, 256], "bf16": [64, 96, 128], "cpu": [32, 48, 64]}  # of a U-Net, each for half an hour


def blanks(config: Any) -> bool:
    """Whether anything is left to the data: ``shape: []``, ``num_classes: 0``, ``levels: 0``, ``attributes: []``, …"""
    return any(_is_blank(key, value) or (_nested(value) and blanks(value)) for key, value in _items(config))


def fill(config: Any, data: LightningDataModule) -> None:
    """Put the data module's shape, classes, grey values and attributes, and widths for this machine, where it is blank.

    Networks below ``attributes: []`` have attributes for classes.
    """
    found = {name: getattr(data, name) for name in ("num_classes", "levels")}
    names = list(data.attribute_names)  # type: ignore[attr-defined]
    found |= {"shape": list(data.shape), "widths": WIDTHS[_machine()], "attributes": names}  # type: ignore[attr-defined]
    _fill(config, found)


def _fill(config: Any, found: dict[str, Any]) -> None:
    if found["attributes"] and any(key == "attributes" and value == [] for key, value in _items(config)):
        found = {**found, "num_classes": len(found["attributes"])}
    for key, value in _items(config):
        if _is_blank(key, value):
            config[key] = found[key]
        elif _nested(value):
            _fill(value, found)


def fastest_precision() -> str:
    """For training here: bfloat16 where it is multiplied natively (GPUs since 2020, CPUs with AMX or AVX512-BF16).

    On AVX512-BF16 alone a step of a CNN or a U-Net at 64×64 takes 0.45 to 0.55 of the time (docs/results/speed.md).
    """
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    return "bf16-mixed" if _cpu_has("amx_tile") or _cpu_has("avx512_bf16") else "32-true"


def _machine() -> str:
    """A GPU, a CPU whose tiles multiply bfloat16 (AMX), which is four times as fast, or any other."""
    if torch.cuda.is_available():
        return "cuda"
    return "bf16" if _cpu_has("amx_tile") else "cpu"


def _cpu_has(instructions: str) -> bool:
    return bool(getattr(torch.cpu, f"_is_{instructions}_supported", lambda: False)())  # there is no public name yet


def _is_blank(key: str, value: Any) -> bool:
    return (key in ("shape", "widths", "attributes") and value == []) or (
        key in ("num_classes", "levels") and value == 0
    )


def _nested(value: Any) -> bool:
    return hasattr(value, "items") or isinstance(value, dict)


def _items(config: Any) -> list[tuple[str, Any]]:
    """Of a dictionary or of jsonargparse's Namespace, whose own ``items`` are its leaves."""
    return list(vars(config).items() if hasattr(config, "__dict__") else config.items())
