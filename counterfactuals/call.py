"""Calling a predictor, and what is said where it fails."""

import re
from collections.abc import Callable

from torch import Tensor, nn

from counterfactuals.engine import lost_device, out_of_memory
from networks.adapter import inside, name_of
from networks.answers import check_rows, tensor_in
from networks.errors import InputError
from networks.placement import misplaced

CHANNELS = re.compile(r"to have (\d+) channels?")  # in torch's words on convolutions


def call(predictor: nn.Module, x: Tensor) -> Tensor:
    """predictor(x), logits of B×K or values of B or B×1, with one clear error where they do not fit together.

    Raises:
        InputError: whatever the predictor raises, with what does not fit: weights on another device or of another type
            than x, another shape than the predictor's; or outputs that are neither. What says nothing of the input,
            such as a device that is out of memory or lost, is raised as it is.
    """
    name = name_of(predictor)
    logits = tensor_in(attempt(predictor, x.clone(), predictor), None, name)
    check_rows(logits, len(x), name)
    return logits


def attempt(function: Callable[[Tensor], Tensor], x: Tensor, predictor: nn.Module) -> Tensor:
    """function(x), which calls the predictor; what it raises becomes one sentence on the predictor."""
    try:
        return function(x)
    except InputError:
        raise
    except Exception as error:  # a stranger's network raises anything
        if isinstance(error, RuntimeError) and (out_of_memory(error) or lost_device(error)):
            raise
        raise InputError(_cannot_take(predictor, x, error)) from error


def check_place(network: nn.Module, x: Tensor) -> None:
    """Raise ``InputError`` where a network is on another device, or of another type, than the samples."""
    if (problem := misplaced(network, x)) is not None:
        raise InputError(f"{name_of(network)} cannot take these samples: {problem}")


def _cannot_take(predictor: nn.Module, x: Tensor, error: Exception) -> str:
    """What does not fit: device or type, which can be seen, or what the network itself says of this shape."""
    name, said = name_of(predictor), _said(error)
    if (problem := misplaced(predictor, x)) is not None:
        return f"{name} cannot take these samples: {problem}"
    if "device" in said and isinstance(error, RuntimeError):  # constants that are neither parameters nor buffers
        return (
            f"{name} cannot take samples on {x.device}: something in it stays on another device, though its weights "
            f"are there. Register its tensors with register_buffer, and make new ones on x.device ({said})"
        )
    if len(x) == 1 and "more than 1 value per channel" in said:
        return (
            f"{name} normalises by the batch, even in evaluation, and cannot take one image: results would depend on "
            "the batch. Train it with running statistics"
        )
    shape = getattr(inside(predictor), "shape", None)
    made_for = f" (it was made for {tuple(shape)})" if shape is not None else ""
    number = ", one at a time" if len(x) == 1 else ""
    advice = _advice(x, said) if isinstance(error, (RuntimeError, ValueError, AssertionError)) else ""
    return f"{name} cannot take images of shape {tuple(x.shape[1:])}{made_for}{number}: {said}{advice}"


def _advice(x: Tensor, said: str) -> str:
    """What helps a network that wants other images; nothing where it is not that."""
    if x.ndim != 4 or "NVIDIA" in said:
        return ""
    channels, adapter = CHANNELS.search(said), "--model.adapter networks.Adapter --model.adapter"
    if channels is None:
        return f". One of another size is given it by networks.Adapter ({adapter}.size 224)"
    if channels[1] == "1":
        return ". A network of grey images wants them read so: --data.grey true"
    if x.shape[1] == 1:
        return f". Grey images become three channels by three means in networks.Adapter ({adapter}.mean '[0,0,0]')"
    return f". It wants images of {channels[1]} channels"


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())[:300].rstrip(".")
    return text if isinstance(error, RuntimeError) and text else f"{type(error).__name__}: {text}".rstrip(": ")
