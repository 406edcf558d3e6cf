"""best.ckpt is the best, and last.ckpt the last."""

from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor


class BestAndLast(ModelCheckpoint):
    """Lightning's, which since 2.6 writes last.ckpt only where the best has just changed.

    A killed training then loses all epochs since its best one, and what a training leaves depends on whether it was
    ever interrupted. Here last.ckpt is written whenever it is asked whether this is the best.
    """

    @property
    def state_key(self) -> str:
        """The one of Lightning's own: checkpoints of both go on with either."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def _save_topk_checkpoint(self, trainer: Trainer, monitor_candidates: dict[str, Tensor]) -> None:
        super()._save_topk_checkpoint(trainer, monitor_candidates)
        self._last_global_step_saved = trainer.global_step  # by which Lightning knows whether last.ckpt is due
