"""Does refinement by probabilistic saliency make attributions better? Deletion and insertion, on test images.

python -m benchmarks.papers.attribution_curves --predictor runs/mnist/classifier/best.ckpt --data mnist --root data
python -m benchmarks.papers.attribution_curves --predictor runs/…/best.ckpt --data folder --root my/images --out figures

Of the class that the model gives each image: the areas under its probability as pixels are blurred away (deletion, low
is good) and as they come (insertion, high is good), for A, and what refinement Â = A ⊙ P changes, with 95 % intervals
of the paired difference. Below stand what needs no attribution: P alone, pixels in random order, and one map for all
images (the mean of |A| over the others). ``--out`` gets attributions.png.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor
from torchvision.utils import make_grid, save_image

from attributions import (
    LRP,
    Attribution,
    GradCAM,
    GradientTimesInput,
    IntegratedGradients,
    ProbabilisticSaliency,
    SmoothGrad,
)
from callbacks.figures.attributions import signed_bytes
from counterfactuals.call import call
from datamodules import MNIST, DataModule, ImageFolder
from lightning_modules import load_predictor
from metrics.attribution import area, deletion_insertion
from metrics.intervals import mean_interval
from report.gallery.images import signed_palette

PART = 50  # images at a time
SHOWN = 6
METHODS: dict[str, Attribution] = {
    "gradient × input": GradientTimesInput(),
    "integrated gradients": IntegratedGradients(),
    "SmoothGrad": SmoothGrad(),
    "Grad-CAM": GradCAM(),
    "LRP, ε = 0.01": LRP(0.01),
}


def areas(predictor: torch.nn.Module, x: Tensor, said: Tensor, importance: Tensor) -> Tensor:
    """Deletion and insertion, N×2."""
    parts = []
    for images, classes, maps in zip(x.split(PART), said.split(PART), importance.split(PART), strict=True):

        def probability(shown: Tensor, classes: Tensor = classes) -> Tensor:
            return predictor(shown).softmax(1).gather(1, classes[:, None])[:, 0]

        curves = deletion_insertion(probability, images, maps)
        parts.append(torch.stack([area(curves.deletion), area(curves.insertion)], 1))
    return torch.cat(parts)


def changed(before: Tensor, after: Tensor) -> str:
    """The mean of paired differences, with its interval; bold where that leaves out zero."""
    difference = (after - before).double().numpy()
    low, high = mean_interval(difference)
    text = f"{difference.mean():+.3f} ({low:+.3f} – {high:+.3f})"
    return f"**{text}**" if low > 0 or high < 0 else text


def main() -> None:
    """Print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictor", required=True)
    parser.add_argument("--data", choices=["mnist", "folder"], default="folder")
    parser.add_argument("--root", default="data")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--split", choices=["val", "test"], default="test")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    data: DataModule = MNIST(root=args.root) if args.data == "mnist" else ImageFolder(root=args.root, size=args.size)
    data.predict_split, data.predict_limit = args.split, args.images
    positions = data.predict_selection().positions[: args.images].tolist()
    x = data.split(args.split).__getitems__(positions)["x"]
    predictor = load_predictor(args.predictor).eval().requires_grad_(False)
    with torch.no_grad():
        said = torch.cat([call(predictor, part).argmax(1) for part in x.split(PART)])
    saliency = torch.cat([ProbabilisticSaliency().maps(part) for part in x.split(PART)])
    print(f"{len(x)} {args.split} images of {type(data).__name__}\n")
    print("| | deletion A | Â − A | insertion A | Â − A |\n|---|---|---|---|---|")
    pictures, typical = [x.expand(-1, 3, -1, -1), _grey(saliency)], torch.zeros_like(saliency)
    for name, method in METHODS.items():
        maps = torch.cat([method.maps(predictor, *part) for part in zip(x.split(PART), said.split(PART), strict=True)])
        own, refined = areas(predictor, x, said, maps), areas(predictor, x, said, maps * saliency)
        cells = [f"{own[:, i].mean():.3f} | {changed(own[:, i], refined[:, i])}" for i in (0, 1)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
        pictures += [_coloured(maps), _coloured(maps * saliency)]
        typical += maps.abs() / maps.abs().flatten(1).amax(1).clamp(min=1e-12)[:, None, None]
    others = (typical.sum(0) - typical) / (len(x) - 1)
    noise = torch.rand(saliency.shape, generator=torch.Generator().manual_seed(0))
    for name, maps in {"P alone": saliency, "random": noise, "one map for all": others}.items():
        own = areas(predictor, x, said, maps)
        print(f"| {name} | {own[:, 0].mean():.3f} | | {own[:, 1].mean():.3f} | |")
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        rows = torch.stack([p[:SHOWN] for p in pictures], 1).flatten(0, 1)
        save_image(make_grid(rows, nrow=len(pictures), padding=1, pad_value=0.5), args.out / "attributions.png")


def _coloured(maps: Tensor) -> Tensor:
    return torch.from_numpy(signed_palette())[signed_bytes(maps).long()].permute(0, 3, 1, 2) / 255


def _grey(maps: Tensor) -> Tensor:
    return maps[:, None].expand(-1, 3, -1, -1)


if __name__ == "__main__":
    main()
