"""What makes a run this run and no other."""

from collections.abc import Iterator
from typing import Any

from datamodules import DataModule
from lightning_modules import CounterfactualModule
from networks.weights import weights_hash

Identity = dict[str, str]
WITHOUT_EFFECT = ("batch_size", "num_workers", "slots")  # on results


def identity_of(module: CounterfactualModule, data: DataModule, settings: dict[str, Any]) -> Identity:
    """Settings by their dotted names, and hashes of the weights and of the data; all values are text."""
    names = {k: str(v) for k, v in _flat(settings) if k.rpartition(".")[2] not in WITHOUT_EFFECT}
    return {
        **names,
        "the predictor's weights": weights_hash(module.predictor),
        "the chart's weights": weights_hash(module.chart),
        **({"the weights of what the methods hold": weights_hash(module.held)} if len(module.held) else {}),
        "the data to explain": data.predict_selection().fingerprint(),
    }


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested dictionaries and lists with their dotted names."""
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
