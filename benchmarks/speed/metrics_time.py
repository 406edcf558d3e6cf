"""What the metrics add to the time of an explain run, once their caches are warm.

python -m benchmarks.speed.metrics_time --config configs/mnist/explain_4_to_9.yaml --data.predict_limit 1000

Takes the arguments of explain.py; run it twice, the first time warms the caches. Each callback's share is of the time
that the run took without any of them.
"""

import sys
import time
from collections import defaultdict
from typing import Any

import explain
from callbacks import ClassDistance, Interpretability, OnManifold, OracleAccuracy, Realism, TangentShare, Transition
from command_line import run

METRICS = (OracleAccuracy, Realism, Interpretability, OnManifold, TangentShare, ClassDistance, Transition)
spent: dict[str, float] = defaultdict(float)


def timed(name: str, function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] += time.perf_counter() - start

    return call


def watch(callback: type) -> None:
    """Time a callback's hooks, and the listeners and finishers that it leaves with the module."""
    name, begin = callback.__name__, callback.on_predict_start  # type: ignore[attr-defined]

    def on_predict_start(self: Any, trainer: Any, pl_module: Any) -> None:
        before = len(pl_module.listeners), len(pl_module.finishers)
        timed(name, begin)(self, trainer, pl_module)
        for hooks, n in zip((pl_module.listeners, pl_module.finishers), before, strict=True):
            hooks[n:] = [timed(name, hook) for hook in hooks[n:]]

    callback.on_predict_start = on_predict_start  # type: ignore[attr-defined]
    callback.on_predict_epoch_end = timed(name, callback.on_predict_epoch_end)  # type: ignore[attr-defined]


def main() -> None:
    for callback in METRICS:
        watch(callback)
    whole = timed("run", explain.main)
    whole(sys.argv[1:])
    rest = spent.pop("run") - sum(spent.values())
    print("| | seconds | of the run without metrics |\n|---|---|---|")
    for name, seconds in spent.items():
        print(f"| {name} | {seconds:.1f} | {seconds / rest:.1%} |")
    print(f"| all metrics | {sum(spent.values()):.1f} | {sum(spent.values()) / rest:.1%} |")
    print(f"| the run without them | {rest:.1f} | |")


if __name__ == "__main__":
    run(main)
