"""Where predictor and oracle see what they count, in x, x′ and the control."""

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn
from torchvision.io import ImageReadMode, read_image

from callbacks.measures.oracles import checkpoints_of, frozen_models
from callbacks.staging import results_folder
from callbacks.tracking.logs import log_image
from counterfactuals.freeze import frozen
from lightning_modules import CounterfactualModule, Explanation
from lightning_modules.regressor import Counter
from metrics import localise
from metrics.localisation import f1, matches
from networks.checks import positive, whole
from networks.errors import InputError
from report.figures.plots import CONTROL, OWN

ROLES = {"": "counterfactual", "control": "control"}


class HeadLocalisation(Callback):
    """Heads as the explained network and an oracle locate them (Dombrowski et al., Fig. 12).

    Adds a column ``heads_agree`` a result: the F1 of the two networks' heads in x′ to each other, within ``radius``
    pixels. Adversarial examples make the explained network see heads, or none, where the oracle does not.
    ``figures/heads.png``, and W&B's ``cf/heads``, show both networks' heads over x, x′ and the control, for the first
    searches of each target.

    Args:
        oracle: checkpoint of a ``RegressorModule`` whose network counts, or such a network.
        radius: within which two heads are the same one, in pixels.
        num_samples: searches drawn for every target, those with the smallest indices (of rank zero).

    Raises:
        InputError: a network without a map, or a checkpoint that cannot be used.
    """

    def __init__(self, oracle: str | nn.Module, radius: float = 5.0, num_samples: int = 4) -> None:
        InputError.collect(positive(radius=radius) + whole(1, num_samples=num_samples))
        self.checkpoints = checkpoints_of({"heads": oracle}, "oracle")
        self.oracle = frozen_models({"heads": oracle})["heads"]
        self.radius, self.num_samples = radius, num_samples

    def setup(self, trainer: Trainer, pl_module: CounterfactualModule, stage: str) -> None:  # type: ignore[override]
        without = [
            f"HeadLocalisation needs networks with a map, such as UNet; the {role} is a {type(network).__name__}"
            for role, network in (("predictor", pl_module.predictor), ("oracle", self.oracle))
            if not isinstance(network, Counter)
        ]
        InputError.collect(without)

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        pl_module.checkpoints |= self.checkpoints
        self.oracle.to(pl_module.device)
        self.shown: dict[str, Explanation] = {}
        pl_module.listeners.append(lambda explanation: self._update(explanation, pl_module))

    def _update(self, explanation: Explanation, pl_module: CounterfactualModule) -> None:
        x_prime = explanation.counterfactuals.counterfactual.to(pl_module.device)
        both = zip(heads_of(pl_module.predictor, x_prime), heads_of(self.oracle, x_prime), strict=True)
        explanation.columns["heads_agree"] = torch.tensor([self._agreement(a, b) for a, b in both])
        if explanation.name in ROLES:
            earlier = [self.shown[explanation.name]] if explanation.name in self.shown else []
            self.shown[explanation.name] = first_of_each_target([*earlier, explanation], self.num_samples)

    def _agreement(self, heads: Tensor | None, others: Tensor | None) -> float:
        if heads is None or others is None:
            return float("nan")
        return f1(matches(heads, others, self.radius), len(heads), len(others))

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        if not trainer.is_global_zero or not (shown := common_searches(self.shown)):
            return
        figure = self._figure(shown, pl_module)
        folder = results_folder(trainer) / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "heads.png", dpi=110)
        log_image(trainer, "cf/heads", read_image(str(folder / "heads.png"), ImageReadMode.RGB) / 255)

    def _figure(self, shown: dict[str, Explanation], pl_module: CounterfactualModule) -> Figure:
        rows = next(iter(shown.values())).index
        pictures = {"x": next(iter(shown.values())).counterfactuals.x}
        pictures |= {ROLES[name]: explanation.counterfactuals.counterfactual for name, explanation in shown.items()}
        figure = Figure(figsize=(1.5 * 2 * len(pictures), 1.62 * len(rows) + 0.3), layout="constrained")
        grid = figure.subplots(len(rows), 2 * len(pictures), squeeze=False)
        for i, (role, x) in enumerate(pictures.items()):
            for j, (who, network) in enumerate((("predictor", pl_module.predictor), ("oracle", self.oracle))):
                found = heads_of(network, x.to(pl_module.device))
                colour = OWN if who == "predictor" else CONTROL
                for axes, image, heads in zip(grid[:, 2 * i + j], x, found, strict=True):
                    said = "NaN" if heads is None else len(heads)
                    draw_heads(
                        axes, image, torch.zeros(0, 2) if heads is None else heads, f"{role}, {who}: {said}", colour
                    )
        return figure


@torch.no_grad()
def heads_of(network: nn.Module, x: Tensor) -> list[Tensor | None]:
    """Positions of what a counting network counts in each of B×C×H×W; n×2 each, in pixels, or ``None`` for NaN."""
    with frozen(network):
        counted = network.count_and_map(x)  # type: ignore[operator]  # checked in setup
    maps, counts = counted.map_logits.sigmoid()[:, 0], counted.counts
    known = (maps.isfinite().flatten(1).all(1) & counts.isfinite()).tolist()
    return [localise(p, n) if ok else None for p, n, ok in zip(maps, counts.tolist(), known, strict=True)]


def draw_heads(axes: Axes, image: Tensor, heads: Tensor, title: str, colour: str) -> None:
    """Crosses over an image C×H×W."""
    axes.imshow((image[0] if len(image) == 1 else image.permute(1, 2, 0)).numpy(), cmap="gray", vmin=0, vmax=1)
    axes.scatter(heads[:, 1].numpy(), heads[:, 0].numpy(), marker="x", s=30, linewidths=1.3, color=colour)
    axes.set_title(title, fontsize=7, pad=2)
    axes.set_axis_off()


def first_of_each_target(parts: list[Explanation], n: int) -> Explanation:
    """The n searches of every target with the smallest indices; a run's thousands need not stay in memory."""
    joined = Explanation.join(parts)
    target = joined.counterfactuals.target
    return joined.take(torch.cat([(target == t).nonzero()[:n, 0] for t in target.unique()]))


def common_searches(shown: dict[str, Explanation]) -> dict[str, Explanation]:
    """The searches that every result has, in one order; a run that goes on shares the earlier ones out over ranks."""
    keys = {name: list(zip(e.index.tolist(), e.number.tolist(), strict=True)) for name, e in shown.items()}
    common = [key for key in next(iter(keys.values()), []) if all(key in other for other in keys.values())]
    return {name: e.take(torch.tensor([keys[name].index(k) for k in common])) for name, e in shown.items() if common}
