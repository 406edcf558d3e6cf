"""Every kind of predictor that people bring, explained from the command line and from a notebook.

    python -m benchmarks.robustness.predictors

Small networks learn the fours and nines of the digits in seconds, are saved as people save them, and are explained in
pixels; the table says how often they agree with the labels, how many of twelve searches flip, and what was
understood, or in which sentence a kind is refused. Needs the extra ``huggingface``.
"""

import contextlib
import io
import sys
import tempfile
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn

import explain
from counterfactuals import Ascent, AtLeast, PixelChart, RunnerUp
from counterfactuals import explain as explain_one
from datamodules import Digits, ImageFolder
from lightning_modules import load_predictor
from networks import CNN, Adapter, TimmModel, TorchvisionModel
from networks.errors import InputError

NAMES, SEARCHES = ["four", "nine"], 12
SEARCH = {"step_size": 0.01, "max_steps": 400}


class Ends(nn.Module):
    """Our network with another end; also what the command line builds: ``Ends(weights, end)``."""

    ENDS: ClassVar[dict[str, Callable[[Tensor], Any]]] = {
        "logits": lambda y: y,
        "swapped": lambda y: y.flip(1),
        "softmax": lambda y: y.softmax(1),
        "single logit": lambda y: y[:, 1] - y[:, 0],
        "single probability": lambda y: (y[:, 1:] - y[:, :1]).sigmoid(),
        "labels": lambda y: (y - y.flip(1)).sigmoid() * 0.999,
        "tuple": lambda y: (y, y.exp()),
        "dictionary": lambda y: {"logits": y, "features": y.exp()},
        "without gradients": lambda y: y.detach(),
        "numpy": lambda y: y.detach().numpy(),
    }

    def __init__(self, weights: str, end: str) -> None:
        super().__init__()
        self.network, self.end = CNN([1, 8, 8], 2), end
        self.network.load_state_dict(torch.load(weights, weights_only=True))

    def forward(self, x: Tensor) -> Any:
        return self.ENDS[self.end](self.network(x))


class Kind(NamedTuple):
    """A row of the table: what ``--model.predictor`` is, further flags, and what a notebook hands to ``explain``."""

    name: str
    predictor: str
    flags: list[str]
    notebook: Callable[[], nn.Module]
    objective: Any = None


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        print("| predictor | command line: flipped, agreement | notebook: flipped | understood, or the sentence |")
        print("|---|---|---|---|")
        for row in table(Path(folder)):
            print("| " + " | ".join(row) + " |", flush=True)


def table(folder: Path) -> list[list[str]]:
    """The rows; networks and images lie in ``folder``."""
    torch.manual_seed(0)
    rows = []
    for kind in kinds(write_images(folder / "images")):
        there, sentence = from_command_line(kind, folder)
        rows.append([kind.name, there, from_notebook(kind, folder / "images"), sentence])
    return rows


def write_images(root: Path) -> Path:
    for split in ("train", "val", "test"):
        part = Digits().split(split)  # type: ignore[arg-type]
        batch = part.__getitems__(range(len(part)))
        for x, y, i in zip(batch["x"], batch["y"].tolist(), batch["index"].tolist(), strict=True):
            if y in (4, 9):
                file = root / split / NAMES[y == 9] / f"{i}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray((x[0].numpy() * 255).round().astype(np.uint8)).save(file)
    return root


def trained(
    network: nn.Module, adapter: nn.Module, root: Path, steps: int, rate: float, swap: bool = False
) -> nn.Module:
    """The network, fitted through its adapter; ``swap`` teaches it the other order of the classes."""
    train = ImageFolder(str(root), size=8, grey=True).split("train")
    batch = train.__getitems__(range(len(train)))
    x, y = batch["x"], (1 - batch["y"] if swap else batch["y"])
    optimizer = torch.optim.Adam(network.parameters(), rate)
    network.train()
    for _ in range(steps):
        rows = torch.randperm(len(x))[:64]
        optimizer.zero_grad()
        nn.functional.cross_entropy(adapter(x[rows]), y[rows]).backward()
        optimizer.step()
    return network.eval()


def kinds(root: Path) -> list[Kind]:
    x = torch.rand(2, 1, 8, 8)
    own = trained(net := CNN([1, 8, 8], 2), net, root, 150, 3e-3)
    torch.save(own.state_dict(), "own.pth")
    torch.jit.save(torch.jit.freeze(torch.jit.trace(own, x)), "frozen.pt")
    torch.export.save(torch.export.export(own, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},)), "own.pt2")
    Path("own.onnx").write_bytes(b"")
    normal, wide = {"mean": [0.5], "std": [0.5]}, {"mean": [0.5] * 3, "std": [0.5] * 3}
    return [
        *(_end(name) for name in Ends.ENDS),
        _end("tuple", "key", key=0),
        _end("swapped", "named", class_names=NAMES[::-1]),
        _end("logits", "multi-label", outputs="multi-label"),
        _end("logits", "one label of many", outputs="multi-label", label=1),
        _timm("test_resnet", root, 60, normal, size=32),
        _timm("test_vit", root, 150, normal, size=160),
        _torchvision(root, wide | {"size": 32}),
        _hugging_face(root, wide),
        Kind("TorchScript, frozen", "frozen.pt", [], lambda: load_predictor("frozen.pt")),
        Kind("exported program", "own.pt2", [], lambda: load_predictor("own.pt2")),
        Kind("ONNX", "own.onnx", [], lambda: load_predictor("own.onnx")),
        Kind("file of weights", "own.pth", [], lambda: load_predictor("own.pth")),
        _regression(),
    ]


def _end(end: str, remark: str = "", **adapter: Any) -> Kind:
    own = f"{{class_path: benchmarks.robustness.predictors.Ends, init_args: {{weights: own.pth, end: {end}}}}}"
    name = f"own, {end}" + (f" ({remark})" if remark else "")

    def notebook() -> nn.Module:
        return Adapter(Ends("own.pth", end), **adapter) if adapter else Ends("own.pth", end)

    return Kind(name, own, _flags(**adapter), notebook)


def _flags(**adapter: Any) -> list[str]:
    """Of networks.Adapter on the command line."""
    given = [word for name, value in adapter.items() for word in (f"--model.adapter.{name}", str(value))]
    return ["--model.adapter", "networks.Adapter", *given] if adapter else []


def _timm(name: str, root: Path, steps: int, normal: dict[str, Any], size: int) -> Kind:
    model = TimmModel(name, 2, 1, **normal)
    trained(model, Adapter(model, outputs="logits", size=size), root, steps, 1e-3)
    torch.save(model.network.state_dict(), f"{name}.pth")
    given = f"name: {name}, num_classes: 2, in_chans: 1, weights: {name}.pth, mean: [0.5], std: [0.5]"
    predictor = f"{{class_path: networks.TimmModel, init_args: {{{given}}}}}"
    return Kind(f"timm, {name} of {size}", predictor, _flags(size=size), lambda: Adapter(model, size=size))


def _torchvision(root: Path, adapter: dict[str, Any]) -> Kind:
    model = TorchvisionModel("resnet18", 2)
    trained(model, Adapter(model, outputs="logits", **adapter), root, 60, 1e-3)
    torch.save(model.network.state_dict(), "resnet18.pth")
    given = "name: resnet18, num_classes: 2, weights: resnet18.pth"
    predictor = f"{{class_path: networks.TorchvisionModel, init_args: {{{given}}}}}"
    return Kind("torchvision, resnet18", predictor, _flags(**adapter), lambda: Adapter(model, **adapter))


def _hugging_face(root: Path, normal: dict[str, Any]) -> Kind:
    transformers = import_module("transformers")  # an extra

    labels = {"id2label": dict(enumerate(NAMES[::-1])), "label2id": {name: i for i, name in enumerate(NAMES[::-1])}}
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 96}
    model = transformers.ViTForImageClassification(
        transformers.ViTConfig(image_size=32, patch_size=8, **sizes, **labels)
    )
    trained(model, Adapter(model, outputs="logits", size=32, **normal), root, 150, 2e-3, swap=True)
    model.save_pretrained("vit")
    processor = {"size": {"height": 32, "width": 32}, "image_mean": normal["mean"], "image_std": normal["std"]}
    transformers.ViTImageProcessor(**processor).save_pretrained("vit")
    return Kind("Hugging Face, ViT of 32, other order", "vit", [], lambda: load_predictor("vit"))


def _regression() -> Kind:
    flags = ["--model.objective", "counterfactuals.AtLeast"]
    one = _end("single logit")
    return Kind("own, one value, with AtLeast", one.predictor, flags, one.notebook, AtLeast())


def from_command_line(kind: Kind, folder: Path) -> tuple[str, str]:
    """Flipped searches and agreement with the labels, and what was understood; or "refused" and the sentence."""
    run = folder / "runs" / "".join(c if c.isalnum() else "_" for c in kind.name)
    search = f"{{class_path: counterfactuals.Ascent, init_args: {SEARCH}}}"
    words = ["--trainer.default_root_dir", str(run), "--trainer.logger", "false", "--trainer.accelerator", "cpu"]
    words += ["--trainer.enable_progress_bar", "false", "--model.predictor", kind.predictor, "--model.method", search]
    words += ["--model.chart", "{class_path: counterfactuals.PixelChart, init_args: {shape: [1, 8, 8]}}"]
    words += ["--model.target", "counterfactuals.RunnerUp", "--data", "datamodules.ImageFolder"]
    words += ["--data.root", str(folder / "images"), "--data.size", "8", "--data.predict_limit", str(SEARCHES)]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            explain.main([*words, *kind.flags])
    except InputError as error:
        return "refused", str(error).replace(str(folder), "…")
    table = pd.read_parquet(run / "counterfactuals.parquet")
    lines = said.getvalue().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("The model: "))
    end = next(i for i in range(start, len(lines)) if not lines[i].strip() or "agrees with labels" in lines[i])
    understood = ". ".join(lines[start + 1 : end]) or "as it is"
    agreement = (table.label == table.source).mean()
    return f"{(table.status == 'flipped').sum()} of {len(table)}, {agreement:.0%}", understood


def from_notebook(kind: Kind, root: Path) -> str:
    data = ImageFolder(str(root), size=8, grey=True, predict_limit=SEARCHES)
    selection = data.predict_selection()
    x = selection.__getitems__(range(len(selection)))["x"]
    target = 5.0 if kind.objective is not None else RunnerUp()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            method = Ascent(**SEARCH)  # type: ignore[arg-type]
            cf = explain_one(kind.notebook(), PixelChart([1, 8, 8]), x, target, method, kind.objective)
    except InputError:
        return "refused, by the same sentence"
    return f"{int(cf.flipped.sum())} of {len(cf)}"


if __name__ == "__main__":
    sys.exit(main())
