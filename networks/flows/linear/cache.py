"""What follows from the weights alone, computed once in evaluation."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class WeightCache:
    """Keeps the result of a computation for as long as the weights that it came from are the same.

    A search decodes thousands of times with frozen weights: the inverse of a matrix, or a
    log-determinant, need not be computed anew. "The same" is told by each tensor's place in memory
    and its version, which every in-place change (optimiser step, ``load_state_dict``, ``copy_``)
    counts up. While weights get gradients nothing is kept. It is computed in the weights' own type, whatever autocast
    says: what is kept outlives the autocast.
    """

    def __init__(self) -> None:
        self._key: Any = None
        self._value: Any = None

    def __call__(self, weights: Sequence[Tensor], compute: Callable[[], Any]) -> Any:
        """``compute()``, or what it gave for the same weights before.

        Args:
            weights: everything that the result depends on.
            compute: returns a tensor or a tuple of tensors.
        """
        if torch.is_grad_enabled() and any(w.requires_grad for w in weights):
            with torch.autocast(weights[0].device.type, enabled=False):
                return compute()
        key = tuple((w.data_ptr(), w._version, w.dtype, w.device) for w in weights)
        if key == self._key:
            return self._value
        # A tensor made in inference mode can't be used outside.
        with torch.inference_mode(False), torch.no_grad(), torch.autocast(weights[0].device.type, enabled=False):
            value = compute()
        if not _belongs_to_a_transform(value):
            self._key, self._value = key, value
        return value

    def clear(self) -> None:
        """Forget the value."""
        self._key = self._value = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "WeightCache":
        return WeightCache()


def _belongs_to_a_transform(value: Any) -> bool:
    """Whether value was made inside vmap, jvp or grad, with which it dies."""
    values = value if isinstance(value, tuple) else (value,)
    return any(torch._C._functorch.is_functorch_wrapped_tensor(v) for v in values)


def forget(module: nn.Module) -> None:
    """Drop every cached value below ``module``: for code that writes to ``weight.data``, which counts no version."""
    for part in module.modules():
        for value in vars(part).values():
            if isinstance(value, WeightCache):
                value.clear()
