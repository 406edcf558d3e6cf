"""Explain a classifier of your own: from timm, torchvision or Hugging Face, or any ``nn.Module``.

    python examples/own_model.py

Nothing is downloaded, and it takes one or two minutes on a CPU: the classifiers are small, and learn digits for some
seconds. Bring yours with its weights instead: ``TimmModel(name, weights="mine.pth")``, ``TorchvisionModel(name, …)``,
``HuggingFace("folder or name on the hub")``, or load them into your ``nn.Module``.

All are explained in the same coordinates: those of a flow that has learned the same images.
"""

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch
from pytorch_lightning import LightningModule, Trainer, seed_everything
from torch import nn
from torch.optim import AdamW

from counterfactuals import Ascent, Chart, Counterfactuals, RunnerUp, explain, show
from datamodules import Digits
from lightning_modules import ClassifierModule, FlowModule
from networks import Adapter, HuggingFace, TimmModel, TorchvisionModel, VectorRealNVP

CLASSES = 10


def of_timm() -> nn.Module:
    """It takes grey images of any size, and normalises inside."""
    return TimmModel("test_resnet", CLASSES, in_chans=1, mean=[0.3], std=[0.38])


def of_torchvision() -> nn.Module:
    """It wants three channels, larger images, and ImageNet's mean and std: the adapter sees to all that."""
    imagenet = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    return Adapter(TorchvisionModel("shufflenet_v2_x0_5", CLASSES), size=32, **imagenet)


def of_hugging_face() -> nn.Module:
    """A folder as ``save_pretrained`` leaves it; its image processor says size, mean and std."""
    import transformers  # noqa: PLC0415  # an extra

    transformers.utils.logging.disable_progress_bar()
    sizes = {"embedding_size": 32, "hidden_sizes": [32, 64], "depths": [1, 1], "layer_type": "basic"}
    config = transformers.ResNetConfig(num_channels=1, num_labels=CLASSES, **sizes)
    processor = transformers.ViTImageProcessor(size={"height": 32, "width": 32}, image_mean=[0.3], image_std=[0.38])
    with tempfile.TemporaryDirectory() as folder:
        transformers.ResNetForImageClassification(config).save_pretrained(folder)
        processor.save_pretrained(folder)
        return HuggingFace(folder)


class Plain(nn.Module):
    """Somebody's own: it returns probabilities, in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 32, 3), nn.GELU(), nn.Conv2d(32, 64, 3), nn.GELU(), nn.Flatten())
        self.head = nn.Linear(64 * 4 * 4, CLASSES)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"probabilities": self.head(self.body(2 * x - 1)).softmax(1)}


def plain() -> nn.Module:
    """The adapter takes the answer out of the dictionary, and makes logits of it."""
    return Adapter(Plain(), key="probabilities", outputs="probabilities")


MODELS: dict[str, Callable[[], nn.Module]] = {
    "timm": of_timm,
    "torchvision": of_torchvision,
    "Hugging Face": of_hugging_face,
    "nn.Module": plain,
}


def fit(task: LightningModule, data: Digits, epochs: int) -> None:
    quiet = dict.fromkeys(("logger", "enable_progress_bar", "enable_model_summary", "enable_checkpointing"), False)
    Trainer(max_epochs=epochs, accelerator="cpu", limit_val_batches=0, **quiet).fit(task, data)
    task.eval()


def coordinates(data: Digits, epochs: int) -> Chart:
    """Of a flow that has learned the data."""
    network = VectorRealNVP([1, 8, 8], num_blocks=6, hidden=[128, 128], dropout=0.2, levels=17, alpha=0.2, clamp=1.0)
    flow = FlowModule(network, optimizer=partial(AdamW, lr=2e-3))
    fit(flow, data, epochs)
    return flow.chart()


def explained(name: str, chart: Chart, data: Digits, asked: argparse.Namespace) -> Counterfactuals:
    """Train one of the models for a moment, and ask of each image what would make it the runner-up class."""
    seed_everything(0, verbose=False)
    model = MODELS[name]()
    start = time.perf_counter()
    fit(ClassifierModule(model, noise=0.2, optimizer=partial(AdamW, lr=2e-3)), data, asked.epochs)
    trained, test = time.perf_counter(), data.split("test")
    with torch.no_grad():
        right = (model(test.x).argmax(1) == test.y).float().mean()
    method = Ascent(step_size=0.1, max_steps=asked.steps)
    cf = explain(model, chart, test.x[: asked.images], RunnerUp(), method, levels=data.levels)
    took = time.perf_counter()
    print(
        f"{name:12} right on {right:.0%} of the test images; {int(cf.flipped.sum())} of {len(cf)} flipped; "
        f"{trained - start:.0f} s to train, {took - trained:.0f} s to explain"
    )
    return cf


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20, help="of each classifier; the flow takes twice as many")
    parser.add_argument("--images", type=int, default=24, help="that are explained")
    parser.add_argument("--steps", type=int, default=300, help="of a search, at most")
    parser.add_argument("--figure", type=Path, default=Path("runs/own_model.png"), help="where the picture goes")
    asked = parser.parse_args(args)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    data = Digits(batch_size=128)
    seed_everything(0, verbose=False)
    chart = coordinates(data, 2 * asked.epochs)
    models = list(MODELS)
    if find_spec("transformers") is None:
        print("Hugging Face is left out: pip install 'onmanifold[huggingface]' installs transformers")
        models.remove("Hugging Face")
    found = [explained(name, chart, data, asked) for name in models]
    first_two = Counterfactuals.join([cf.take(torch.arange(min(2, len(cf)))) for cf in found])
    asked.figure.parent.mkdir(parents=True, exist_ok=True)
    show(first_two, rows=len(first_two)).savefig(asked.figure)
    print(f"the first two images of {', '.join(models)} are in {asked.figure}, in this order")


if __name__ == "__main__":
    main()
