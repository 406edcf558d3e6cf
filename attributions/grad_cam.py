"""Attribution by a layer's feature maps."""

import torch.nn.functional as F
from torch import Tensor, nn

from attributions.attribution import asking, captum, outputs_of
from networks.errors import InputError


class GradCAM:
    """Feature maps weighted by their mean gradient, positive parts alone (Selvaraju et al. 2017, eq. 1 and 2).

    Args:
        layer: name of the module within the predictor, such as ``stages.3``; its last convolution unless given.

    Raises:
        InputError: on use, no such layer, none with a convolution, or one without feature maps.
    """

    def __init__(self, layer: str | None = None) -> None:
        self.layer = layer

    def maps(self, predictor: nn.Module, x: Tensor, target: Tensor | None) -> Tensor:
        own = captum().LayerGradCam(outputs_of(predictor, target), self._found(predictor))
        maps = own.attribute(asking(x), target=target, relu_attributions=True).detach()
        if maps.ndim != 4:
            raise InputError(f"GradCAM: layer {self.layer!r} has no feature maps; name one whose output is B×C×H×W")
        return F.interpolate(maps, x.shape[-2:], mode="bilinear")[:, 0]

    def _found(self, predictor: nn.Module) -> nn.Module:
        known = dict(predictor.named_modules())
        if self.layer is None:
            convolutions = [m for m in known.values() if isinstance(m, nn.Conv2d)]
            if convolutions:
                return convolutions[-1]
            raise InputError("GradCAM needs a convolution, and the predictor has none: take another attribution")
        for name in (self.layer, f"network.{self.layer}"):  # inside of an Adapter
            if name in known:
                return known[name]
        some = ", ".join([name for name in known if name][-8:])
        raise InputError(f"GradCAM: the predictor has no layer {self.layer!r}; its last ones are {some}")
