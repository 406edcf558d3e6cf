"""Whether an image has more fine detail than the rest of it lets expect."""

import numpy as np
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
        x: real images that nothing is calibrated on, N×C×H×W in [0, 1], some hundreds at least.
    """

    def __init__(self, x: Tensor) -> None:
        coefficients = _transform(x)
        self.mean, self.std = coefficients.mean(0), coefficients.std(0) + ROUNDING**0.5
        self.order = coefficients.var(0).argsort(kind="stable")
        fine, coarse = self._bands(coefficients)
        alphas = np.logspace(-3, 3, 7)
        self.expected: Pipeline = make_pipeline(StandardScaler(), PolynomialFeatures(2), RidgeCV(alphas))
        self.expected.fit(coarse, fine)

    def __call__(self, x: Tensor) -> np.ndarray:
        """N, of images N×C×H×W; large where there is more than expected, about 0 for real ones."""
        fine, coarse = self._bands(_transform(x))
        return fine - self.expected.predict(coarse)

    def _bands(self, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-energies of the fine detail, N, and of the coarse bands, N×14."""
        scaled = ((coefficients - self.mean) / self.std)[:, self.order]
        floor = (ROUNDING / self.std**2)[self.order]
        parts = zip(np.array_split(scaled, BANDS, axis=1), np.array_split(floor, BANDS), strict=True)
        bands = np.stack([np.log((band**2).mean(1) + least.mean()) for band, least in parts], 1)
        return bands[:, :FINE].mean(1), bands[:, FINE:]


def _transform(x: Tensor) -> np.ndarray:
    """Coefficients of the orthonormal cosine transform of every channel, N×D."""
    return dctn(x.double().cpu().numpy(), axes=(2, 3), norm="ortho").reshape(len(x), -1)
