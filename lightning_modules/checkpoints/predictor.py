"""The network behind a path: a classifier's or a regressor's checkpoint, or a stranger's file."""

import zipfile
from pathlib import Path
from typing import cast

from torch import nn

from lightning_modules.checkpoints.checkpoint import load
from lightning_modules.classifier import ClassifierModule
from lightning_modules.invertible import InvertibleClassifierModule
from lightning_modules.regressor import RegressorModule
from networks.errors import InputError
from networks.imported.exported import Exported
from networks.imported.hugging_face import HuggingFace
from networks.imported.torchscript import TorchScript

EXPORT = (
    "torch.export.save(torch.export.export(net.eval(), (images,), dynamic_shapes=({0: torch.export.Dim.AUTO},)), "
    "'net.pt2')"
)
#: endings of what other programs write → what to do about it
FOREIGN = {
    ".onnx": "ONNX has no gradients, and no converter that is kept up gives them back. Save the network where it is at "
    f"hand in PyTorch, {EXPORT}; or wrap onnxruntime in an nn.Module of your own and search with LatentSearch",
    **dict.fromkeys(
        (".h5", ".keras", ".pb", ".tflite"), f"it is no PyTorch network. Rebuild it in PyTorch, and save it by {EXPORT}"
    ),
    **dict.fromkeys((".pkl", ".joblib", ".pickle"), f"a pickle can run any code. Save the network by {EXPORT}"),
}


def load_predictor(path: str) -> nn.Module:
    """What a file holds that answers for images x.

    The checkpoint of a ``ClassifierModule``, ``InvertibleClassifierModule`` or ``RegressorModule`` (see ``load``), an
    exported program (``.pt2``), a TorchScript archive, or the folder of a Hugging Face classifier.

    Raises:
        InputError: it is none of them, with what to do about it; or it cannot be read.
    """
    file = Path(path)
    if (advice := FOREIGN.get(file.suffix.lower())) is not None:
        raise InputError(f"{path!r} cannot be read here: {advice}")
    if file.suffix == ".pt2":
        return Exported(path)
    if (file / "config.json").is_file():
        return HuggingFace(path)
    if _is_torchscript(file):
        return TorchScript(path)
    module = load(path, ClassifierModule, RegressorModule, InvertibleClassifierModule)
    return cast(ClassifierModule | RegressorModule | InvertibleClassifierModule, module).network


def _is_torchscript(file: Path) -> bool:
    if not (file.is_file() and zipfile.is_zipfile(file)):
        return False
    with zipfile.ZipFile(file) as archive:
        return any("/code/" in name for name in archive.namelist())
