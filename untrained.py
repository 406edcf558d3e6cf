"""Networks that a config makes anew for an explain run: they would have random weights, and say nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

#: whose networks have no weights but those that an argument names; a user's own class may load its own
PACKAGES = ("networks", "timm", "torchvision")
WEIGHTS = ("weights", "path", "checkpoint_path", "pretrained")
FITTED = ("networks.LinearSVM", "networks.linear_svm.LinearSVM")  # by OracleAccuracy, to the training split


def untrained(value: Any, key: str) -> Iterator[str]:
    """A sentence on each network below ``key`` of a config that is given no weights."""
    if isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from untrained(item, f"{key}[{i}]")
    items = dict(value) if isinstance(value, Mapping) else dict(vars(value)) if hasattr(value, "class_path") else {}
    path, inner = str(items.get("class_path", "")), items.get("init_args")
    arguments = {} if inner is None else dict(inner if isinstance(inner, Mapping) else vars(inner))
    anew = path.partition(".")[0] in PACKAGES and path not in FITTED
    if anew and not path.endswith("Committee") and not any(arguments.get(name) for name in WEIGHTS):
        yield (
            f"{key}: {path} is given no weights, and would be a random network: give the checkpoint of a training "
            "(runs/…/best.ckpt), TimmModel with weights, Exported, or a class of your own that loads its weights"
        )
        return
    for name, item in (arguments if path else items).items():
        yield from untrained(item, f"{key}.{name}")
