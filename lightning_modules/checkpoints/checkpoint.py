"""Reading checkpoints that may come from anywhere, without running, importing or opening anything that they name."""

import os
import pickle
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.core.mixins.hparams_mixin import _given_hyperparameters_context
from torch import Tensor

from lightning_modules.checkpoints.building import at_most, build, check_plain, known_classes
from networks.errors import InputError
from networks.weights import no_weights

LIGHTNINGS = ("_class_path", "_instantiator")  # hyper-parameters that are Lightning's own

M = TypeVar("M", bound=LightningModule)


def load(path: str | Path, *kinds: type[M], trust: Collection[type] = ()) -> M:
    """The module of one of the classes ``kinds`` that a checkpoint holds, on the CPU, in evaluation mode.

    A checkpoint is data: tensors, plain values, and names of known classes (``building.known_classes``).

    Args:
        path: of the file.
        kinds: tasks that may stand in it; they and what has been derived from them are trusted.
        trust: further classes that its hyper-parameters may name, such as your own network.

    Raises:
        InputError: no such file, not a checkpoint, anything in it but tensors and plain values, a class that is not
            known, another kind of module, or weights of another architecture.
    """
    checkpoint = read(path)
    hparams = checkpoint.get("hyper_parameters", {})
    saved = hparams.get("_class_path", "a module saved without its class")
    cls = next((c for kind in kinds for c in (kind, *subclasses(kind)) if _is_name_of(c, saved)), None)
    if cls is None:
        wanted = ", ".join(k.__name__ for k in kinds)
        needed = f"one of {wanted}" if len(kinds) > 1 else f"a {wanted}"
        raise InputError(f"checkpoint {str(path)!r} holds {saved!s:.100}, but {needed} is needed here")
    try:
        # The module keeps the plain hyper-parameters, as under the command line, should it be trained further.
        with _given_hyperparameters_context(hparams, str(hparams.get("_instantiator"))):
            return _rebuilt(cls, checkpoint, trust).eval()
    except InputError as error:
        raise InputError(f"checkpoint {str(path)!r} is refused: {error}") from error
    except Exception as error:  # whatever a constructor makes of arguments that it was not written for
        raise InputError(
            f"checkpoint {str(path)!r} cannot be built again: it is of another version, or a class that it names has "
            f"changed since. Train it again ({type(error).__name__}: {_first_line(error)})"
        ) from error


def _is_name_of(cls: type, path: Any) -> bool:
    """Whether a path leads to a class: by its module, or by a package above that which passes it on."""
    module, _, name = str(path).rpartition(".")
    return name == cls.__qualname__ and f"{cls.__module__}.".startswith(f"{module}.")


def _rebuilt(cls: type[M], checkpoint: dict[str, Any], trust: Collection[type]) -> M:
    known, most = known_classes(trust), 1000 + 50 * len(checkpoint["state_dict"])
    arguments = {k: v for k, v in checkpoint.get("hyper_parameters", {}).items() if k not in LIGHTNINGS}
    with at_most(most):
        # First without memory: a file may ask for weights of any size, and holds what it holds.
        with torch.device("meta"):
            _compare(cls, arguments, checkpoint, known)
        module = build(cls, arguments, known)
    module.on_load_checkpoint(checkpoint)
    module.load_state_dict(checkpoint["state_dict"])
    return module


def _compare(cls: type[LightningModule], arguments: dict[str, Any], checkpoint: dict[str, Any], known: Any) -> None:
    try:
        blueprint = build(cls, arguments, known)
    except (NotImplementedError, RuntimeError) as error:
        if "meta" not in str(error).lower() and "device" not in str(error):
            raise
        return  # a constructor that must compute: it gets its memory, and says itself what is wrong
    blueprint.on_load_checkpoint(checkpoint)


def _config_of(path: str) -> str:
    """That would write there by its defaults, where it is at hand."""
    config = Path("configs", *Path(path).parts[1:-1]).with_suffix(".yaml")
    return str(config) if config.is_file() else "…"


def read(path: str | Path) -> dict[str, Any]:
    """The checkpoint's dictionary: tensors by name in ``state_dict``, plain values in ``hyper_parameters``.

    Raises:
        InputError: see ``load``.
    """
    path = os.path.expanduser(path)  # noqa: PTH111  # Path raises for a user that there is not
    if not Path(path).is_file():
        raise InputError(
            f"no checkpoint {str(path)!r}: train that model first (python train.py fit --config {_config_of(path)}), "
            f"or pass the path of one that exists{'' if Path(path).is_absolute() else f'; looked for in {Path.cwd()}'}"
        )
    try:
        with _tensors_alone():
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its zip reader and its unpickler come across
        if Path(path).stat().st_size and (reason := no_weights(path)) is not None:
            raise InputError(f"{str(path)!r} is not a checkpoint: {reason}") from error
        if isinstance(error, pickle.UnpicklingError) or "weights_only" in str(error):  # which it advises to switch off
            raise InputError(
                f"checkpoint {str(path)!r} is refused: it holds something other than tensors and plain values, which "
                "could run code when read, or is damaged. Save a state dict and hyper-parameters only"
            ) from error
        raise InputError(f"{str(path)!r} is not a checkpoint, or is cut off: {_first_line(error)}") from error
    try:
        _check(checkpoint)
    except InputError as error:
        raise InputError(f"{str(path)!r} is not a checkpoint that can be used: {error}") from error
    return checkpoint


@contextmanager
def _tensors_alone() -> Iterator[None]:
    """Without the types that other modules have let ``weights_only`` make: a DeviceMesh would open a process group."""
    others = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        yield
    finally:
        torch.serialization.add_safe_globals(others)


def _check(checkpoint: Any) -> None:
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        values = checkpoint.values() if isinstance(checkpoint, dict) else []
        weights = values and all(isinstance(value, Tensor) for value in values)
        advice = ". It is a file of weights: name their network, with networks.TimmModel or networks.Adapter"
        raise InputError(f"it is not a Lightning checkpoint: it has no state_dict{advice if weights else ''}")
    weights, hparams = checkpoint["state_dict"], checkpoint.get("hyper_parameters", {})
    if not isinstance(weights, dict) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in weights.items()
    ):
        raise InputError("its state_dict is not a dictionary of tensors by name")
    hollow = [k for k, v in weights.items() if not _dense(v)]
    if hollow:
        raise InputError(f"its weights {hollow[0]:.80} are not stored number by number")
    if not isinstance(hparams, dict):
        raise InputError(f"its hyper_parameters are a {type(hparams).__name__} and not a dictionary")
    check_plain(hparams)


def _dense(weights: Tensor) -> bool:
    """Whether it takes the room that it claims: a view can stretch a single number to any size."""
    plain = weights.layout == torch.strided and not weights.is_quantized and weights.device.type == "cpu"
    return plain and weights.numel() * weights.element_size() <= weights.untyped_storage().nbytes()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["it ends too early"])[0][:300]


def subclasses(kind: type[M]) -> Iterator[type[M]]:
    """Of a class, and theirs, as far as they have been imported."""
    for sub in kind.__subclasses__():
        yield sub
        yield from subclasses(sub)
