from types import SimpleNamespace

import pytest
import torch

from callbacks.training.progress_lines import ProgressLines


@pytest.mark.parametrize(
    ("epochs", "steps", "done", "total"), [(3, -1, 0, 30), (-1, 12, 0, 24), (3, 100, 20, 30), (-1, -1, 0, None)]
)
def test_how_much_there_is(epochs: int, steps: int, done: int, total: int | None) -> None:
    """Batches, of ten an epoch and two a step; what was done before counts."""
    loop = SimpleNamespace(epoch_loop=SimpleNamespace(total_batch_idx=done - 1))
    trainer = SimpleNamespace(
        num_training_batches=10, max_epochs=epochs, max_steps=steps, accumulate_grad_batches=2, fit_loop=loop
    )
    trainer.current_epoch, trainer.progress_bar_metrics = 1, {"val/loss": 0.25, "train/loss": 0.5}
    trainer.early_stopping_callbacks = []
    lines = ProgressLines()
    lines.disable()
    lines.on_train_start(trainer, None)  # type: ignore[arg-type]
    assert lines.progress is not None and (lines.progress.total, lines.progress.done) == (total, done)
    lines.on_train_batch_end(trainer)  # type: ignore[arg-type]
    assert lines.progress.done == done + 1
    assert lines._note(trainer) == "epoch 2, val/loss 0.25, train/loss 0.5"  # type: ignore[arg-type]
    trainer.early_stopping_callbacks = [SimpleNamespace(monitor="val/loss", best_score=torch.tensor(0.125))]
    assert lines._note(trainer).endswith("train/loss 0.5, best val/loss 0.125")  # type: ignore[arg-type]
