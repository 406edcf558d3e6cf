"""What a further oracle says of a finished explain run, by direction, and the FIDs in its features.

python -m benchmarks.judge runs/image_folder/explain --oracle runs/image_folder/oracle/best.ckpt --root my/images

The run must be of an image folder. Agreement is over the searches that flipped, from images that the predictor
gets right; FID against the training images of the target classes.
"""

import argparse
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Tensor

from datamodules import ImageFolder
from lightning_modules import ClassifierModule, load
from metrics import FID
from networks import Features


def fid(network: torch.nn.Module, images: Tensor, real: Tensor) -> float:
    metric = FID(Features(network), tuple(real.shape[1:]))
    for part in images.split(256):
        metric.update(part, real=False)
    for part in real.split(256):
        metric.update(part, real=True)
    return float(metric.compute())


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
    right = table["label"] == table["source"]
    for prefix in ("", "control_"):
        images = tensors[f"{prefix}counterfactual"]
        said = torch.cat([network(part).argmax(1) for part in images.split(256)])
        agrees = pd.Series(said.numpy() == table["target"].to_numpy())
        flipped = right & (table[f"{prefix}status"] == "flipped")
        for (source, target), rows in table[flipped].groupby(["source", "target"]):
            names = f"{data.class_names[source]} → {data.class_names[target]}"
            print(f"{prefix or 'counterfactual '}{names}: {agrees[rows.index].mean():.1%} of {len(rows)}")
        targets = torch.tensor(sorted(table["target"].unique()))
        real = torch.isin(train.y, targets).nonzero()[:, 0][:3000].tolist()
        chosen = images[torch.tensor(flipped.to_numpy())]
        print(f"{prefix or 'counterfactual '}FID {fid(network, chosen, train.__getitems__(real)['x']):.2f}")


if __name__ == "__main__":
    main()
