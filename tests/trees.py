"""Tiny data sets in the layouts of the real ones."""

import struct
from pathlib import Path

import numpy as np
from PIL import Image


def write_mnist(root: Path, n_train: int = 80, n_test: int = 40, name: str = "MNIST") -> Path:
    """``root/{name}/raw/*-ubyte`` as torchvision reads it, with blobs whose place tells the class."""
    raw = root / name / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for prefix, n in (("train", n_train), ("t10k", n_test)):
        labels = np.arange(n) % 10
        images = rng.integers(0, 60, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[2 * label : 2 * label + 8, 5:20] = 230
        head = struct.pack(">IIII", 2051, n, 28, 28)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(head + images.astype(np.uint8).tobytes())
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 2049, n) + labels.astype(np.uint8).tobytes()
        )
    return root


def write_images(folder: Path, n: int, brightness: int, size: tuple[int, int] = (20, 16)) -> None:
    """n colour images of a class, of the given mean brightness; every other one a JPEG."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(brightness)
    for i in range(n):
        pixels = np.clip(rng.normal(brightness, 25, (size[1], size[0], 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03d}.{'png' if i % 2 else 'jpg'}")


def write_image_folder(root: Path, splits: bool = False, n: int = 20) -> Path:
    """``root/class/*`` or ``root/{train,val,test}/class/*``, classes "bright" and "dark"."""
    for tree in [root / s for s in ("train", "val", "test")] if splits else [root]:
        write_images(tree / "dark", n, 60)
        write_images(tree / "bright", n, 190)
    return root
