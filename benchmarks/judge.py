"""What a further oracle says of a finished explain run, by direction, and the FIDs in its features.

python -m benchmarks.judge runs/image_folder/explain --oracle runs/image_folder/oracle/best.ckpt --root my/images

The run must be of an image folder. Agreement is over all searches from images that the predictor gets right: of
those that flipped the ones that the oracle gives the target, too; before it, what it says of the originals. FID is that
of the flips against training images whose classes count in the flips' proportions.
"""

import argparse
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Tensor

from datamodules import ImageFolder
from lightning_modules import ClassifierModule, load
from metrics import FrechetDistance, class_weights
from metrics.samples import ALREADY_TARGET, FLIPPED
from networks import Features
from results.naming import CONTROLS, column

MOST = 3000  # training images of the target classes


def of_parts(network: torch.nn.Module, images: Tensor) -> Tensor:
    """What a network makes of N images, some at a time."""
    return torch.cat([network(part) for part in images.split(256)])


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--oracle", required=True)
    parser.add_argument("--root", required=True)
    args = parser.parse_args()
    network = load(args.oracle, ClassifierModule).network.eval()
    data = ImageFolder(args.root)
    table = pd.read_parquet(args.run / "counterfactuals.parquet")
    tensors = load_file(args.run / "counterfactuals.safetensors")
    test, train = (data.split(name) for name in ("test", "train"))
    held_out = test.__getitems__(range(len(test)))
    print(f"the oracle's own accuracy: {(network(held_out['x']).argmax(1) == held_out['y']).float().mean():.1%}")
    searched = (table["label"] == table["source"]) & (table["status"] != ALREADY_TARGET)
    targets = torch.tensor(table["target"].to_numpy())
    chosen = torch.isin(train.y, targets.unique()).nonzero()[:, 0][:MOST]
    features = Features(network)
    real = of_parts(features, train.__getitems__(chosen.tolist())["x"])
    before = pd.Series((of_parts(network, tensors["x"]).argmax(1) == targets).numpy())
    for name in ["", *(name for name in CONTROLS if column(name, "status") in table)]:
        images, title = tensors[column(name, "counterfactual")], name or "counterfactual"
        flipped = table[column(name, "status")] == FLIPPED
        agrees = pd.Series((of_parts(network, images).argmax(1) == targets).numpy()) & flipped
        for (source, target), rows in table[searched].groupby(["source", "target"]):
            names = f"{data.class_names[source]} → {data.class_names[target]}"
            share, base = agrees[rows.index].mean(), before[rows.index].mean()
            print(f"{title} {names}: {share:.1%} of {len(rows)}, of the originals {base:.1%}")
        mine = torch.tensor(flipped.to_numpy())
        weights = class_weights(train.y[chosen], torch.bincount(targets[mine], minlength=data.num_classes))
        print(
            f"{title} FID {FrechetDistance(real, weights)(of_parts(features, images[mine])):.2f}, n = {int(mine.sum())}"
        )


if __name__ == "__main__":
    main()
