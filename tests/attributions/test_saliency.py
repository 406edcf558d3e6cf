import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from attributions import ProbabilisticSaliency
from attributions.saliency import Regions, affinities, prior, probabilities, superpixels
from networks import InputError


def random_graph(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    w = rng.random((n, n)) * (rng.random((n, n)) < 0.4)
    w = np.triu(w, 1)
    return w + w.T, rng.random(n) + 0.05


def test_p_is_the_minimiser() -> None:
    """Against a general optimiser under Σ p = 1, from several starts."""
    w, v = random_graph()

    def cost(p: np.ndarray) -> float:
        return float((p**2 * v).sum() + 0.5 * ((p[:, None] - p) ** 2 * w).sum())

    p = probabilities(w, v)
    assert p.sum() == pytest.approx(1) and (p > 0).all()
    for seed in range(3):
        start = np.random.default_rng(seed).random(12)
        sums = {"type": "eq", "fun": lambda p: p.sum() - 1}
        found = minimize(cost, start / start.sum(), constraints=[sums], options={"maxiter": 500, "ftol": 1e-14})
        assert np.allclose(p, found.x, atol=1e-4) and cost(p) <= found.fun + 1e-9


def test_p_is_a_dense_solve_and_has_its_limits() -> None:
    w, v = random_graph()
    dense = np.linalg.inv(np.diag(v) + np.diag(w.sum(1)) - w) @ np.ones(12)
    assert np.allclose(probabilities(w, v), dense / dense.sum(), atol=1e-12)
    assert np.allclose(probabilities(w, np.full(12, 0.3)), 1 / 12), "nothing is background more than the rest"
    assert np.allclose(probabilities(np.zeros_like(w), v), (1 / v) / (1 / v).sum()), "nothing belongs together"


def test_the_graph_is_the_papers() -> None:
    """Five superpixels in a row, of which the third differs: within two hops, weights by hand."""
    labels = np.repeat(np.arange(5), 2)[None].repeat(3, 0)
    colours = np.array([[0.0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]])
    w = affinities(Regions(labels, colours), hops=2)
    near, within = [1, 2, 2, 2, 1], [2, 3, 4, 3, 2]
    far = [1, 1, 2, 1, 1]
    alike = 1 / (1e-5 + np.square(colours[:, None] - colours[None]).sum(2))
    wanted = np.zeros((5, 5))
    for i in range(5):
        for j in range(5):
            if abs(i - j) in (1, 2):
                ring = near if abs(i - j) == 1 else far
                wanted[i, j] = alike[i, j] / (ring[i] * within[j]) ** 2
    wanted = (wanted + wanted.T) / 2
    assert np.allclose(w, wanted / wanted.max())
    assert prior(labels, 0.1).tolist() == [0.1] * 5
    assert prior(np.pad(np.ones((2, 2), int), 1), 0.1).tolist() == [0.1, 0.0]


def test_superpixels_cover_the_image_and_follow_its_edges() -> None:
    image = np.zeros((32, 32, 3))
    image[8:24, 8:24] = 1
    regions = superpixels(image, 64, 20.0)
    assert set(regions.labels.ravel()) == set(range(len(regions.colours))) and len(regions.colours) > 20
    inside = np.zeros((32, 32), bool)
    inside[8:24, 8:24] = True
    mixed = [label for label in np.unique(regions.labels) if 0.1 < inside[regions.labels == label].mean() < 0.9]
    assert len(mixed) < 0.1 * len(regions.colours)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_stands_out_is_what_differs_from_the_border(channels: int) -> None:
    x = 0.1 + 0.02 * torch.rand(2, channels, 32, 32, generator=torch.Generator().manual_seed(0))
    x[0, :, 10:20, 12:24] = 0.9
    x[1, :, 18:28, 4:14] = 0.9
    maps = ProbabilisticSaliency((60, 120)).maps(x)
    assert maps.shape == (2, 32, 32) and maps.min() >= 0 and maps.max() <= 1
    for k, inside in enumerate((x[0, 0] > 0.5, x[1, 0] > 0.5)):
        assert maps[k][inside].min() > 2 * maps[k][~inside].mean()
    assert torch.equal(ProbabilisticSaliency((60, 120)).maps(x[1:]), maps[1:])


def test_of_an_image_without_anything_everything_is_the_same_or_central() -> None:
    maps = ProbabilisticSaliency().maps(torch.full((1, 1, 16, 16), 0.5))
    assert maps.isfinite().all() and (maps[0, 7:9, 7:9] >= maps[0, 0, 0]).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"segments": (1,)}, "segments must be at least 2"),
        ({"hops": 0}, "hops must be positive"),
        ({"border": 0.0}, "border must be positive"),
        ({"compactness": -1.0}, "compactness must be positive"),
    ],
)
def test_numbers_out_of_their_range_are_named(given: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ProbabilisticSaliency(**given)
