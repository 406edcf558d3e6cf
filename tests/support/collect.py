"""What a predict run found, for tests that do not read it from a folder."""

import pytorch_lightning as pl

from lightning_modules import CounterfactualModule, Explanation


class Collect(pl.Callback):
    """Keeps all explanations of a run; it must come after the callbacks that add columns."""

    def __init__(self) -> None:
        self.parts: dict[str, list[Explanation]] = {}

    def on_predict_start(self, trainer: pl.Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        pl_module.listeners.append(lambda e: self.parts.setdefault(e.name, []).append(e))

    def results(self) -> dict[str, Explanation]:
        """By name, in the order of index and target."""
        return {name: Explanation.join(parts) for name, parts in self.parts.items()}
