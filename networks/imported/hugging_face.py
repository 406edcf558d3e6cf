"""An image classifier of the transformers library."""

from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.errors import InputError
from networks.imported.reachable import hub_if_reachable


class HuggingFace(nn.Module):
    """A classifier saved by ``save_pretrained``, with its image processor's size, mean and std.

    Needs the extra ``huggingface``. Its code is the library's: none that lies with the weights is run. Images are
    resized by torch (bilinear, antialiased), which differs by little from what the processor does to a file.

    Args:
        path: the folder, or a name on the hub, which is downloaded.

    Attributes:
        class_names: of the outputs, as the model's config has them.
        outputs: ``logits``, or ``multi-label`` where the config says so.

    Shapes:
        x of B×C×H×W in [0, 1] → logits of B×K. A grey image becomes three equal channels.

    Raises:
        InputError: transformers is not installed, no such model, one that classifies no images, or weights that are
            not all there.
    """

    reads_files = ("path",)  #: never opened because a checkpoint says so
    mean: Tensor
    std: Tensor

    def __init__(self, path: str) -> None:
        super().__init__()
        self.network, processor = _loaded(path)
        config = self.network.config
        names = dict(config.id2label)
        self.class_names = [str(names[i]) for i in range(len(names))]
        self.outputs = "multi-label" if config.problem_type == "multi_label_classification" else "logits"
        normalises = bool(processor.get("do_normalize", True)) and "image_mean" in processor
        self.size = _size(processor)
        mean, std = (processor["image_mean"], processor["image_std"]) if normalises else ([0.0], [1.0])
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.size is not None and tuple(x.shape[-2:]) != self.size:
            x = F.interpolate(x, self.size, mode="bilinear", antialias=True)
        if x.shape[1] == 1 and getattr(self.network.config, "num_channels", 3) == 3:
            x = x.expand(-1, 3, -1, -1)
        return self.network(pixel_values=(x - self.mean) / self.std).logits


def _loaded(path: str) -> tuple[Any, dict[str, Any]]:
    """The model in evaluation mode, and its image processor's settings."""
    try:
        transformers = import_module("transformers")
    except ImportError as error:
        raise InputError(
            f"HuggingFace needs the transformers library ({error}): pip install 'onmanifold[huggingface]'"
        ) from error
    safe, kind = {"trust_remote_code": False}, transformers.AutoModelForImageClassification
    try:
        with nullcontext() if Path(path).is_dir() else hub_if_reachable():
            network, told = kind.from_pretrained(path, output_loading_info=True, **safe)
            processor = transformers.AutoImageProcessor.from_pretrained(path, **safe).to_dict()
    except Exception as error:  # the library raises whatever its readers and the network make of it
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(f"{path!r} cannot be loaded as a Hugging Face image classifier: {said}") from error
    if absent := sorted([*told["missing_keys"], *(key for key, *_ in told["mismatched_keys"])]):
        raise InputError(f"{path!r} has no weights for {absent[0]} and would be random there: is it fine-tuned?")
    return network.eval(), processor


def _size(processor: dict[str, Any]) -> tuple[int, int] | None:
    """What images are brought to in the end: the crop's, or the size that they are resized to."""
    if processor.get("do_center_crop") and (crop := processor.get("crop_size")):
        return int(crop["height"]), int(crop["width"])
    size = processor.get("size") if processor.get("do_resize", True) else None
    if not size:
        return None
    edge = size.get("shortest_edge")
    return (int(edge), int(edge)) if edge else (int(size["height"]), int(size["width"]))
