"""Whether an image has more fine detail than the rest of it lets expect."""

import numpy as np
import torch
from scipy.fft import dctn
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from torch import Tensor

BANDS = 16
FINE = 2  # of them, those in which real images vary least
ROUNDING = (1 / 255) ** 2 / 12  # energy of the rounding to 256 grey values: less is no detail


class Grain:
    """The energy of an image's finest detail, in nats above what its coarser detail lets expect.

    Adversarial noise adds the same detail to smooth and to sharp images; in real ones the fine follows from the coarse.
    The coefficients of the cosine transform, in the order of their variance among real images, are cut into 16 bands
    of equal size; the log-energy of the two lowest is regressed on those of the others and their products. It looks
    at pixels alone, and so does not depend on how good a chart is.

    Args:
        mean, std: of every coefficient among real images, D.
        bands: log-energies of real images, N×16, the finest first.
    """

    def __init__(self, mean: Tensor, std: Tensor, bands: Tensor) -> None:
        self.mean, self.std = mean.numpy(), std.numpy()
        self.order = self.std.argsort(kind="stable")
        alphas = np.logspace(-3, 3, 7)
        self.expected: Pipeline = make_pipeline(StandardScaler(), PolynomialFeatures(2), RidgeCV(alphas))
        self.expected.fit(bands[:, FINE:].numpy(), bands[:, :FINE].mean(1).numpy())

    @staticmethod
    def learn(x: Tensor) -> dict[str, Tensor]:
        """What ``Grain`` takes, of some hundred real images N×C×H×W in [0, 1] that nothing is calibrated on."""
        coefficients = _transform(x)
        mean, std = coefficients.mean(0), coefficients.std(0) + ROUNDING**0.5
        bands = _bands(coefficients, mean, std, std.argsort(kind="stable"))
        return {name: torch.from_numpy(v) for name, v in (("mean", mean), ("std", std), ("bands", bands))}

    def __call__(self, x: Tensor) -> np.ndarray:
        """N, of images N×C×H×W; large where there is more than expected, about 0 for real ones; NaN of NaN."""
        known = x.isfinite().flatten(1).all(1).cpu().numpy()
        found = np.full(len(x), np.nan)
        if known.any():
            bands = _bands(_transform(x[torch.from_numpy(known).to(x.device)]), self.mean, self.std, self.order)
            found[known] = bands[:, :FINE].mean(1) - self.expected.predict(bands[:, FINE:])
        return found


def _bands(coefficients: np.ndarray, mean: np.ndarray, std: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Log-energies of coefficients N×D, in units of real images' variance, N×16 in the given order."""
    scaled, floor = ((coefficients - mean) / std)[:, order], (ROUNDING / std**2)[order]
    parts = zip(np.array_split(scaled, BANDS, axis=1), np.array_split(floor, BANDS), strict=True)
    return np.stack([np.log((band**2).mean(1) + least.mean()) for band, least in parts], 1)


def _transform(x: Tensor) -> np.ndarray:
    """Coefficients of the orthonormal cosine transform of every channel, N×D."""
    return dctn(x.double().cpu().numpy(), axes=(2, 3), norm="ortho").reshape(len(x), -1)
