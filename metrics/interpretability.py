"""Does a counterfactual look like its target class to models that know one class only?"""

from torch import Tensor

EPSILON = 1e-6  # against division by zero; far below the errors and norms of images


def im1(x_prime: Tensor, to_target: Tensor, to_source: Tensor, epsilon: float = EPSILON) -> Tensor:
    """‖x′ − AE_t(x′)‖² / (‖x′ − AE_s(x′)‖² + ε): below 1 where x′ is more like its target than its source class.

    IM1 of Van Looveren and Klaise 2019 (*Interpretable Counterfactual Explanations Guided by
    Prototypes*, arXiv 1907.02584), with their squares; Dombrowski et al. (IV.B.3) write the norms
    without. The autoencoders see x′ alone, so noise that neither can draw gives 1, not a large value.

    Args:
        x_prime: x′, B×``shape``.
        to_target: AE_t(x′), of the autoencoder of the target class, B×``shape``.
        to_source: AE_s(x′), of the autoencoder of the source class, B×``shape``.
        epsilon: ε > 0.

    Returns:
        B, at least 0; lower is better.
    """
    return _squared_distance(x_prime, to_target) / (_squared_distance(x_prime, to_source) + epsilon)


def im2(x_prime: Tensor, to_target: Tensor, to_all: Tensor, epsilon: float = EPSILON) -> Tensor:
    """‖AE_t(x′) − AE(x′)‖² / (‖x′‖₁ + ε): small where the target class's autoencoder draws what that of all does.

    IM2 of the same paper. Not to be compared across images of different brightness: the divisor
    grows with every bright pixel, so bright images score low without being more interpretable
    (Dombrowski et al., IV.B.3, who for this reason report IM1 alone).

    Args:
        x_prime: x′, B×``shape``.
        to_target: AE_t(x′), of the autoencoder of the target class, B×``shape``.
        to_all: AE(x′), of the autoencoder of all classes, B×``shape``.
        epsilon: ε > 0.

    Returns:
        B, at least 0; lower is better.
    """
    return _squared_distance(to_target, to_all) / (x_prime.flatten(1).abs().sum(1) + epsilon)


def _squared_distance(a: Tensor, b: Tensor) -> Tensor:
    """‖a − b‖² of every sample, B."""
    return (a - b).flatten(1).square().sum(1)
