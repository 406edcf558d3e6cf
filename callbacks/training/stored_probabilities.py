"""What a classifier says of every sample, computed once."""

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn

from callbacks.measures.oracles import SOME, with_logits
from callbacks.progress import tracking
from callbacks.ranks import rank_zero_first
from counterfactuals.call import call
from counterfactuals.freeze import frozen
from datamodules.base import Split, SplitName
from lightning_modules import ClassifierModule, HierarchicalVAEModule, load
from networks.errors import InputError
from networks.fingerprint import fingerprint
from networks.weights import weights_hash
from results.cache import cached

BATCH = 256


class StoredProbabilities(Callback):
    """Gives a ``HierarchicalVAEModule`` the classifier's probabilities of the splits that it is about to see.

    In one pass before the first step, cached by the classifier's weights and the split: the training itself never
    asks the classifier (VAEX, III-B). They are the softmax of its logits, which ``HierarchicalChart`` takes as well; of
    a ``Committee`` that is the smallest of its members' probabilities, made to add up to one.

    Args:
        classifier: checkpoint of a ``ClassifierModule``, or any classifier: the one that will be explained.

    Raises:
        InputError: a checkpoint that cannot be used; as training begins, a classifier of other classes or of labels
            that do not exclude each other, or a checkpoint of a VAEX that was trained with another one.
    """

    def __init__(self, classifier: str | nn.Module) -> None:
        self.classifier = load(classifier, ClassifierModule).network if isinstance(classifier, str) else classifier
        self.hash = weights_hash(self.classifier)

    def setup(self, trainer: Trainer, pl_module: HierarchicalVAEModule, stage: str) -> None:  # type: ignore[override]
        if not isinstance(pl_module, HierarchicalVAEModule):
            raise InputError(f"StoredProbabilities is for a HierarchicalVAEModule, not a {type(pl_module).__name__}")

    def on_fit_start(self, trainer: Trainer, pl_module: HierarchicalVAEModule) -> None:  # type: ignore[override]
        self._store(trainer, pl_module, "train", "val")

    def on_validation_start(self, trainer: Trainer, pl_module: HierarchicalVAEModule) -> None:  # type: ignore[override]
        self._store(trainer, pl_module, "val")

    def on_test_start(self, trainer: Trainer, pl_module: HierarchicalVAEModule) -> None:  # type: ignore[override]
        self._store(trainer, pl_module, "test")

    def _store(self, trainer: Trainer, pl_module: HierarchicalVAEModule, *names: SplitName) -> None:
        if pl_module.conditioned_on not in ("", self.hash):
            raise InputError(
                "this VAEX was trained with another classifier's probabilities: give StoredProbabilities that "
                "classifier, or train anew"
            )
        # Also where nothing is asked here, as on later ranks: Reconstructions and the like ask it.
        pl_module.conditioned_on, pl_module.classifier = self.hash, [self.classifier.to(pl_module.device)]
        for name in names:
            if name not in pl_module.probabilities:
                split = trainer.datamodule.split(name)  # type: ignore[attr-defined]  # attached at run time
                p = self._probabilities(trainer, split, pl_module.device)
                if n := int(p.isnan().any(1).sum()):
                    raise InputError(
                        f"the classifier in StoredProbabilities says NaN of {n} of the {len(p)} samples of {name}: "
                        "train it again"
                    )
                if p.shape[1] != pl_module.vae.num_classes:
                    raise InputError(
                        f"the classifier in StoredProbabilities has {p.shape[1]} classes, and the autoencoder is "
                        f"conditional on {pl_module.vae.num_classes}: set num_classes to {p.shape[1]}"
                    )
                pl_module.probabilities[name] = p

    def _probabilities(self, trainer: Trainer, split: Split, device: torch.device) -> Tensor:
        """N×C."""

        def compute() -> dict[str, Tensor]:
            some = split.__getitems__(list(range(min(SOME, len(split)))))["x"].to(device)
            classifier = with_logits(self.classifier, some, exclusive=True)
            over = tracking(trainer, "what the classifier says of every sample")
            with frozen(classifier), torch.no_grad():
                x = (split.__getitems__(part.tolist())["x"] for part in over(torch.arange(len(split)).split(BATCH)))
                return {"p": torch.cat([call(classifier, part.to(device)).softmax(1).cpu() for part in x])}

        return rank_zero_first(
            trainer, lambda: cached("probabilities", [fingerprint(self.classifier), split.fingerprint()], compute)
        )["p"]
