"""A linear oracle that is fitted in seconds."""

import torch
from sklearn.linear_model import SGDClassifier
from torch import Tensor, nn

from networks.checks import positive, whole
from networks.errors import InputError


class LinearSVM(nn.Module):
    """The linear support vector machine of *Diffeomorphic Counterfactuals* (IV.B.3), one class against the rest.

    Fitted by scikit-learn's averaged stochastic subgradient descent on the hinge loss, with a seed:
    every rank finds the same one.

    Args:
        alpha: weight of ½‖w‖².
        seed: of the order of the samples.

    Shapes:
        x of B×``shape`` → decision values of B×K.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, alpha: float = 1e-3, seed: int = 0) -> None:
        super().__init__()
        InputError.collect(positive(alpha=alpha) + whole(0, 2**32 - 1, seed=seed))
        self.alpha, self.seed = alpha, seed
        self.shape: tuple[int, ...] | None = None
        self.register_buffer("weight", torch.zeros(0, 0))
        self.register_buffer("bias", torch.zeros(0))

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Learn from N samples (N×``shape``, on the CPU) and their classes 0 … K − 1 (N int64)."""
        mean, std = x.mean(), x.std()
        svm = SGDClassifier(loss="hinge", alpha=self.alpha, average=True, random_state=self.seed)
        svm.fit(((x - mean) / std).flatten(1).numpy(), y.numpy())
        weight, bias = torch.from_numpy(svm.coef_).float(), torch.from_numpy(svm.intercept_).float()
        if len(weight) == 1:  # of two classes scikit-learn gives the second alone
            weight, bias = torch.cat([-weight, weight]), torch.cat([-bias, bias])
        self.shape, self.weight, self.bias = tuple(x.shape[1:]), weight / std, bias - weight.sum(1) * mean / std

    def forward(self, x: Tensor) -> Tensor:
        if self.shape is None:
            raise InputError("this LinearSVM has learnt nothing yet: call fit(x, y), or let OracleAccuracy do it")
        return x.flatten(1) @ self.weight.T + self.bias
