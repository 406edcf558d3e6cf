"""Whether an image looks as if noise had been added to it."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

MOST = 2  # steps that differences of neighbours are counted to
RUN = 3  # differences in a row that are counted together
SMALLEST = RUN + 1  # pixels a side in which one such run fits
UNIT = 2.0  # grey values; the step of differences: finer ones are in every photograph
NOISE = (3.0, 12.0)  # grey values, standard deviations of the noise that is learned from
COARSEST = (0.25, 0.25, 0.5)  # of these three, where there are few grey values
BATCH = 200


class Grain:
    """Log-odds that white noise was added to an image, by how its neighbouring pixels differ.

    A logistic regression learns to tell real images from themselves with noise of 3 to 12 grey values, from how often
    each run of three differences of neighbours occurs, in steps of two grey values (subtractive pixel adjacency;
    Pevný, Bas & Fridrich 2010, *Steganalysis by subtractive pixel adjacency matrix*). Adversarial changes that nobody
    sees break these statistics as hidden messages do: a pixel of a photograph follows from its neighbours more closely
    than that. No predictor and no control takes part. Images that a chart draws count as real: what noise a chart
    leaves in whatever it decodes is not what is looked for.

    Args:
        weights: of the features, F.
        bias: one number.
        step: unit of differences, one number.
    """

    def __init__(self, weights: Tensor, bias: Tensor, step: Tensor) -> None:
        self.weights, self.bias, self.step = weights, bias, step

    @staticmethod
    def learn(x: Tensor, levels: int | None = 256, drawn: Tensor | None = None) -> dict[str, Tensor]:
        """What ``Grain`` takes, of some hundred real images N×C×H×W in [0, 1] that nothing is calibrated on.

        Args:
            drawn: images that a chart decodes, rounded: its own noise is not what is looked for.
            levels: their grey values; ``None`` where they are not rounded. Grey values of less than 1/255 count as
                such: finer noise is in every photograph.
        """
        grey, generator = 1 / (min(levels or 256, 256) - 1), torch.Generator().manual_seed(0)
        step, low, high = (min(n * grey, most) for n, most in zip((UNIT, *NOISE), COARSEST, strict=True))
        x = x.cpu() if drawn is None else _as_many(x.cpu(), drawn.cpu())
        sigma = low * (high / low) ** torch.rand(len(x), 1, 1, 1, generator=generator)
        noisy = (x + sigma * torch.randn(x.shape, generator=generator)).clamp(0, 1)
        noisy = noisy if levels is None else (noisy * (levels - 1)).round() / (levels - 1)
        features = torch.cat([runs(x, step), runs(noisy, step)]).numpy()
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        scaler, regression = (part for _, part in model.fit(features, np.repeat([0, 1], len(x))).steps)
        weights = regression.coef_[0] / scaler.scale_
        learned = {"weights": weights, "bias": regression.intercept_[0] - weights @ scaler.mean_, "step": step}
        return {name: torch.as_tensor(value, dtype=torch.float64) for name, value in learned.items()}

    def __call__(self, x: Tensor) -> np.ndarray:
        """N, of images N×C×H×W, large where there is noise; NaN of an image that is not finite."""
        known = x.isfinite().flatten(1).all(1)
        found = runs(x.nan_to_num(0).cpu(), float(self.step)).double() @ self.weights + self.bias
        return torch.where(known.cpu(), found, torch.nan).numpy()


def _as_many(x: Tensor, drawn: Tensor) -> Tensor:
    """Both, each as often as the other."""
    return torch.cat([x, drawn.repeat(-(-len(x) // len(drawn)), 1, 1, 1)[: len(x)]])


def runs(x: Tensor, step: float) -> Tensor:
    """Roots of the frequencies of runs of three differences along rows and columns, N×63.

    A difference counts as −2 … 2 steps, what is larger as 2; a run and the one with all signs turned are one. Roots
    vary as much for frequent as for rare ones.

    Args:
        x: images N×C×H×W of at least 4×4.
    """
    return torch.cat([_runs(part, step) for part in x.split(BATCH)])


def _runs(x: Tensor, step: float) -> Tensor:
    base = 2 * MOST + 1
    counts = torch.zeros(len(x), base**RUN)
    for dim in (2, 3):
        d = (x.diff(dim=dim) / step).round().clamp(-MOST, MOST).long() + MOST
        length = d.shape[dim] - RUN + 1
        code = sum(d.narrow(dim, i, length) * base**i for i in range(RUN))
        code = torch.as_tensor(code).flatten(1)
        counts.scatter_add_(1, code, torch.full(code.shape, 0.25 / code.shape[1]))
    return (counts + counts.flip(1)).sqrt()[:, : base**RUN // 2 + 1]
