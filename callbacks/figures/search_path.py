"""The way of a search, as a strip of pictures and as a film."""

from pathlib import Path

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import make_grid, save_image

from callbacks.staging import results_folder
from callbacks.tracking.logs import log_image
from counterfactuals import Ascent
from lightning_modules import CounterfactualModule, Explanation
from networks.checks import whole
from networks.errors import InputError

SCALE = 3  # screen pixels a pixel in the film


class SearchPath(Callback):
    """``figures/path.png`` (a row a search, from x to x′), ``figures/path.gif``, and W&B ``cf/path``.

    Needs ``keep_every`` on the method, and shows the searches of rank zero with the smallest indices.

    Args:
        num_samples: searches that are shown.
        num_frames: pictures of each in the strip; the film has all that were kept.
    """

    def __init__(self, num_samples: int = 8, num_frames: int = 10) -> None:
        InputError.collect(whole(1, num_samples=num_samples, num_frames=num_frames))
        self.num_samples, self.num_frames = num_samples, num_frames
        self.shown: Explanation | None = None

    def setup(self, trainer: Trainer, pl_module: CounterfactualModule, stage: str) -> None:  # type: ignore[override]
        method = pl_module.searches[""][1]
        if not (isinstance(method, Ascent) and method.keep_every):
            raise InputError("SearchPath shows the way of a search: set model.method.init_args.keep_every, e.g. to 5")
        if len(pl_module.chart.shape) != 3:
            raise InputError(f"SearchPath shows images; the samples have shape {pl_module.chart.shape}")

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        self.shown = None
        pl_module.listeners.append(self._keep)

    def _keep(self, explanation: Explanation) -> None:
        if not explanation.name:
            parts = [explanation] if self.shown is None else [self.shown, explanation]
            joined = Explanation.join(parts)
            self.shown = joined.take(torch.arange(min(self.num_samples, len(joined.index))))

    def on_predict_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        if not trainer.is_global_zero or self.shown is None:
            return
        path = self.shown.counterfactuals.path
        assert path is not None
        folder = results_folder(trainer) / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        grid = strip(path, self.num_frames)
        save_image(grid, folder / "path.png")
        film(path, folder / "path.gif")
        log_image(trainer, "cf/path", grid)


def strip(path: Tensor, num_frames: int) -> Tensor:
    """One row a search: n×T×C×H×W → C′×H′×W′, frames evenly spaced from the first to the last."""
    frames = torch.linspace(0, path.shape[1] - 1, min(num_frames, path.shape[1])).round().long()
    return make_grid(path[:, frames].flatten(0, 1), nrow=len(frames), padding=1, pad_value=0.5)


def film(path: Tensor, file: Path) -> None:
    """All searches side by side, n×T×C×H×W; the last frame stays for two seconds."""
    frames = [
        to_pil_image(make_grid(path[:, t], nrow=len(path), padding=1, pad_value=0.5).clamp(0, 1))
        for t in range(path.shape[1])
    ]
    large = [f.resize((SCALE * f.width, SCALE * f.height), 0) for f in frames]
    large[0].save(file, save_all=True, append_images=large[1:], duration=[100] * (len(large) - 1) + [2000], loop=0)
