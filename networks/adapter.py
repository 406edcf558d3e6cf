"""Any network as a predictor: whatever it answers, and however it wants its images."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.answers import Outputs, problems_with_kind, tensor_in, to_logits
from networks.checks import each, finite, objects, positive, whole
from networks.errors import InputError
from networks.weights import load_weights


class Adapter(nn.Module):
    """Takes images in [0, 1], hands them to a network as it wants them, and its answers on as logits.

    Args:
        network: returns a tensor, an object with ``logits``, or a dictionary or tuple that holds one.
        weights: file with the network's state dict, for one whose constructor reads none, such as torchvision's.
        outputs: what that tensor is; ``None`` has it found by looking at answers for real images. One number for yes
            or no becomes two classes. ``multi-label`` are logits of labels that do not exclude each other: search
            with ``ReachLabel``, or name one ``label``.
        key: where the tensor is in a dictionary or tuple.
        label: of a multi-label network, the one label that is asked about: two classes, without and with it. Its
            name in ``class_names``, which is that of the data's class that it speaks for; or its number.
        class_names: of the network's own outputs, in its own order: ``explain.py`` brings them into the order of the
            data's classes by their names. Of one number for yes or no the names of no and yes.
        size: height and width that images are resized to first (bilinear), or one number for both.
        mean, std: per channel, or one for all: the network is given (x − mean) / std. Three of them make three
            channels of a grey image.
        own_copy: for a network that changes its input in place.

    Shapes:
        x of B×C×H×W → logits of B×K, or what ``outputs`` says.

    Raises:
        InputError: a number out of its range, outputs of another name, a label that is not there; on use, an answer
            without a tensor, or with several.
    """

    reads_files = ("weights",)  #: never opened because a checkpoint says so
    mean: Tensor
    std: Tensor
    order: Tensor | None

    def __init__(
        self,
        network: nn.Module,
        weights: str | None = None,
        outputs: Outputs | None = None,
        key: int | str | None = None,
        label: int | str | None = None,
        class_names: Sequence[str | int] | None = None,
        size: int | tuple[int, int] | None = None,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        own_copy: bool = False,
    ) -> None:
        super().__init__()
        sides = (size, size) if isinstance(size, int) else size
        problems = objects(nn.Module, network=network) + problems_with_kind(outputs)
        problems += each(finite, mean=mean) + each(positive, std=std)
        problems += [] if sides is None else each(whole, 1, size=sides)
        InputError.collect(problems)
        if weights is not None:
            load_weights(network, weights, type(network).__name__)
        self.network, self.outputs, self.key, self.size, self.own_copy = network, outputs, key, sides, own_copy
        self.class_names = None if class_names is None else [str(name) for name in class_names]
        self.label = self._label(label)
        self.shape = getattr(network, "shape", None) if sides is None else None
        self.register_buffer("order", None, persistent=False)  # which output each class of the data is, if not its own
        self.unchanged = list(mean) == [0.0] and list(std) == [1.0]
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(-1, 1, 1), persistent=False)

    def _label(self, label: str | int | None) -> int | None:
        if self.class_names is not None and str(label) in self.class_names:
            return self.class_names.index(str(label))
        if label is None or isinstance(label, int):
            return label
        names = "none are given" if self.class_names is None else ", ".join(self.class_names)
        raise InputError(f"label must be one of class_names ({names:.300}), or a number; got {label!r}")

    @property
    def plain(self) -> bool:
        """Whether it has nothing to do: the network is a predictor as it is."""
        changes = (self.key, self.label, self.size, self.order)
        as_they_are = self.outputs in ("logits", "values", "multi-label") and not self.own_copy and self.unchanged
        return as_they_are and all(change is None for change in changes)

    def unpacks(self, x: Tensor) -> bool:
        """Whether the network returns something else than a tensor."""
        return not isinstance(self.network(self._prepared(x)), Tensor)

    def answer(self, x: Tensor) -> Tensor:
        """The network's own numbers, as it returns them; of the one ``label`` where that is named."""
        tensor = tensor_in(self.network(self._prepared(x)), self.key, type(self.network).__name__)
        if self.label is None:
            return tensor
        if tensor.ndim != 2 or not 0 <= self.label < tensor.shape[1]:
            raise InputError(f"label {self.label} is not among outputs of shape {tuple(tensor.shape)}")
        return tensor[:, self.label]

    def forward(self, x: Tensor) -> Tensor:
        logits = to_logits(self.answer(x), self.outputs or "logits")
        return logits if self.order is None else logits[:, self.order]

    def agreed(self, x: Tensor) -> Tensor:
        """Of a ``Committee``: see there; B×K bool, in the order of the data's classes."""
        agreed: Tensor = self.network.agreed(self._prepared(x))  # type: ignore[operator]  # a committee's method
        return agreed if self.order is None else agreed[:, self.order]

    def _prepared(self, x: Tensor) -> Tensor:
        if self.size is not None and tuple(x.shape[-2:]) != self.size:
            x = F.interpolate(x, self.size, mode="bilinear", antialias=True)
        if not self.unchanged:
            return (x - self.mean) / self.std
        return x.clone() if self.own_copy else x


def name_of(predictor: nn.Module) -> str:
    """The class of a network, or of the one in an adapter; for messages."""
    return type(inside(predictor)).__name__


def inside(predictor: nn.Module) -> nn.Module:
    """The network in an adapter, or the network itself."""
    return predictor.network if isinstance(predictor, Adapter) else predictor
