"""Any classifier of torchvision."""

from difflib import get_close_matches

import torchvision
from torch import Tensor, nn

from networks.checks import whole
from networks.errors import InputError
from networks.weights import load_weights


class TorchvisionModel(nn.Module):
    """A torchvision network with weights of your own. Size, mean and std are for ``networks.Adapter`` to say.

    Args:
        name: torchvision's name, e.g. ``resnet18`` (``torchvision.models.list_models()`` lists them).
        num_classes: width K of the logits.
        weights: file with the network's state dict (``.safetensors`` or ``.pth``); ``None`` starts from random weights.

    Shapes:
        x of B×3×H×W, or grey, B×1×H×W, as three equal channels → logits of B×K; of Inception and GoogLeNet in
        training an object that holds them.

    Raises:
        InputError: unknown name, one that takes no ``num_classes``, or weights that cannot be had.
    """

    reads_files = ("weights",)  #: left out when a checkpoint is built again: its own weights count

    def __init__(self, name: str, num_classes: int, weights: str | None = None) -> None:
        super().__init__()
        InputError.collect(whole(1, num_classes=num_classes))
        names = torchvision.models.list_models(module=torchvision.models)
        if name not in names:
            near = get_close_matches(name, names, n=3)
            advice = (
                f"did you mean {' or '.join(near)}?" if near else "torchvision.models.list_models() lists the names"
            )
            raise InputError(f"name: torchvision has no classifier {name!r}; {advice}")
        self.network = torchvision.models.get_model(name, weights=None, num_classes=num_classes)
        if weights is not None:
            load_weights(self.network, weights, f"torchvision's {name!r}")

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x)
