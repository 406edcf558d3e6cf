"""How different a counterfactual looks from its original to a network that judges as people do."""

from typing import Literal

import torch
import torch.nn.functional as F
from pytorch_lightning import Callback, Trainer
from torch import Tensor
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

from callbacks.measures.oracles import check_outputs, first_samples
from lightning_modules import CounterfactualModule, Explanation
from networks.errors import InputError

SMALLEST = 64  # pixels a side that all of the networks can take
BATCH = 64
Net = Literal["alex", "vgg", "squeeze"]


class Perceptual(Callback):
    """A column ``lpips``: LPIPS of x′ and x (Zhang et al. 2018, arXiv 1801.03924), 0 where they look the same.

    The networks were trained on ImageNet; torchvision fetches their weights (alex 233 MB, vgg 528 MB, squeeze 5 MB)
    into ``$TORCH_HOME/hub/checkpoints``, where they may also be put by hand. Grey images become three equal
    channels, and small ones are enlarged to 64 pixels a side.

    Args:
        net: which network; the authors recommend "alex".

    Raises:
        InputError: its weights are neither there nor can be fetched; as predict begins, samples that are no images,
            or distances of NaN for every one.
    """

    def __init__(self, net: Net = "alex") -> None:
        try:
            self.net = LearnedPerceptualImagePatchSimilarity(net, normalize=True).net.requires_grad_(False)
        except (OSError, RuntimeError) as error:  # no network, no disk; a file that holds something else
            raise InputError(
                f"LPIPS needs the ImageNet weights of {net!r}, which are not to be had ({error}): put torchvision's "
                f"file into {torch.hub.get_dir()}/checkpoints, or leave callbacks.Perceptual out"
            ) from error

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        shape = pl_module.chart.shape
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise InputError(f"LPIPS compares images of one or three channels; the samples have shape {shape}")
        self.net.to(pl_module.device)
        x = large(first_samples(trainer.datamodule).to(pl_module.device))  # type: ignore[attr-defined]
        try:
            with torch.no_grad():
                check_outputs(self.net(x, x, normalize=True).view(-1, 1))
        except InputError as error:
            raise InputError(f"Perceptual: the network: {error}") from error
        pl_module.listeners.append(lambda explanation: self._update(explanation, pl_module.device))

    @torch.no_grad()
    def _update(self, explanation: Explanation, device: torch.device) -> None:
        cf = explanation.counterfactuals
        parts = zip(cf.counterfactual.split(BATCH), cf.x.split(BATCH), strict=True)
        scores = [self.net(*(large(x.to(device)) for x in part), normalize=True).view(-1) for part in parts]
        explanation.columns["lpips"] = torch.cat(scores).cpu()


def large(x: Tensor) -> Tensor:
    """Images B×C×H×W in [0, 1] with three channels and at least 64 pixels a side."""
    x = x.clamp(0, 1).expand(-1, 3, -1, -1)
    factor = SMALLEST / min(x.shape[2:])
    return F.interpolate(x, scale_factor=factor, mode="bilinear", antialias=False) if factor > 1 else x
