"""Tiny data sets in the layouts of the real ones."""

import itertools
import re
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from datamodules.chexpert import FINDINGS

CELEBA_ATTRIBUTES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair "
    "Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male "
    "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks "
    "Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace "
    "Wearing_Necktie Young"
)


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


def write_images(folder: Path, n: int, brightness: int, size: tuple[int, int] = (20, 16), mode: str = "RGB") -> None:
    """n images of a class, of the given mean brightness; every other one a JPEG."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(brightness)
    for i in range(n):
        pixels = np.clip(rng.normal(brightness, 25, (size[1], size[0], 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / f"{i:03d}.{'png' if i % 2 else 'jpg'}")


def write_image_folder(root: Path, splits: bool = False, n: int = 20, mode: str = "RGB") -> Path:
    """``root/class/*`` or ``root/{train,val,test}/class/*``, classes "bright" and "dark"."""
    for tree in [root / s for s in ("train", "val", "test")] if splits else [root]:
        write_images(tree / "dark", n, 60, mode=mode)
        write_images(tree / "bright", n, 190, mode=mode)
    return root


def write_attribute_table(file: Path, root: Path) -> Path:
    """A CSV of all images below ``root``: every other one is ``old``, and ``tilt`` is a measured number."""
    images = sorted(p.relative_to(root).as_posix() for p in root.rglob("*.*"))
    rows = [f"{name},{i % 2},{(7 * i) % 11 - 5.5}" for i, name in enumerate(images)]
    file.write_text("\n".join(["file,old,tilt", *rows]) + "\n")
    return file


def write_jpeg(file: Path, brightness: int, size: tuple[int, ...]) -> None:
    """Noise of height × width (× 3 channels) around a brightness."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(brightness).normal(brightness, 25, size)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file)


def write_attributes(file: Path, names: list[str], space: str) -> None:
    """CelebA's attribute file: every other image has blond hair, is young and of a man, and others vary."""
    rows = []
    for i, name in enumerate(names):
        values = [
            " 1" if (i % 2 if a in ("Blond_Hair", "Male", "Young") else (7 * i + j * j) % 3 == 0) else "-1"
            for j, a in enumerate(CELEBA_ATTRIBUTES.split())
        ]
        rows.append(space.join([name, *values]))
    file.write_text("\n".join([str(len(names)), CELEBA_ATTRIBUTES, *rows]) + "\n")


def write_celeba(root: Path, n: int = 60) -> Path:
    """``root/celeba`` as torchvision unpacks it: blond is bright; of five images three train, one val, one test."""
    names = [f"{i + 1:06d}.jpg" for i in range(n)]
    for i, name in enumerate(names):
        write_jpeg(root / "celeba" / "img_align_celeba" / name, 190 if i % 2 else 60, (22, 18, 3))
    write_attributes(root / "celeba" / "list_attr_celeba.txt", names, " ")
    partition = "".join(f"{name} {(0, 0, 0, 1, 2)[i % 5]}\n" for i, name in enumerate(names))
    (root / "celeba" / "list_eval_partition.txt").write_text(partition)
    return root


def write_celeba_hq(root: Path, n: int = 60) -> Path:
    """``root/{CelebA-HQ-img, CelebAMask-HQ-attribute-anno.txt}``: blond is bright."""
    names = [f"{i}.jpg" for i in range(n)]
    for i, name in enumerate(names):
        write_jpeg(root / "CelebA-HQ-img" / name, 190 if i % 2 else 60, (20, 20, 3))
    write_attributes(root / "CelebAMask-HQ-attribute-anno.txt", names, "  ")
    return root


def write_chexpert(root: Path, n_train: int = 20, n_test: int = 8) -> Path:
    """``root/CheXpert-v1.0-small`` of so many patients: cardiomegaly is bright, uncertain in between.

    Everybody in train has four studies, labelled 1, 0, −1 and blank, the first with a lateral view, too; everybody in
    valid has two, 1 and 0.
    """
    folder = root / "CheXpert-v1.0-small"
    brightness = {"1.0": 190, "-1.0": 125, "0.0": 60, "": 60}
    splits = {"train": (1, n_train, ("1.0", "0.0", "-1.0", "")), "valid": (64541, n_test, ("1.0", "0.0"))}
    for split, (first, n, labels) in splits.items():
        rows = [",".join(["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS])]
        for patient in range(first, first + n):
            for study, label in enumerate(labels, 1):
                findings = ",".join(label if f == "Cardiomegaly" else "" for f in FINDINGS)
                path = f"CheXpert-v1.0-small/{split}/patient{patient:05d}/study{study}"
                write_jpeg(root / path / "view1_frontal.jpg", brightness[label], (20, 24))
                rows.append(f"{path}/view1_frontal.jpg,Female,68,Frontal,AP,{findings}")
                if study == 1:
                    write_jpeg(root / path / "view2_lateral.jpg", brightness[label], (20, 24))
                    rows.append(f"{path}/view2_lateral.jpg,Female,68,Lateral,,{findings}")
        (folder / f"{split}.csv").write_text("\n".join(rows) + "\n")
    return root


def edit(file: Path, old: str, new: str) -> None:
    """Replace what is there exactly once."""
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def write_mall(root: Path, n: int = 20, size: tuple[int, int] = (96, 64)) -> Path:
    """``root/{frames/seq_*.jpg, mall_gt.mat}`` in the layout of the real data set, with blobs as heads.

    Frame i (from 0) has i mod 5 heads, the k-th of them at x = 10 + 16 k, y = 20 + i.
    """
    width, height = size
    heads = [np.array([[10 + 16 * k, 20 + i] for k in range(i % 5)], dtype=float).reshape(-1, 2) for i in range(n)]
    frames = np.empty(n, dtype=object)
    for i, loc in enumerate(heads):
        write_jpeg(root / "frames" / f"seq_{i + 1:06d}.jpg", 60 + i, (height, width, 3))
        frames[i] = {"loc": loc}
    counts = np.array([[len(loc)] for loc in heads])
    savemat(root / "mall_gt.mat", {"frame": frames[None], "count": counts})
    for name in ("mall_feat.mat", "perspective_roi.mat"):
        (root / name).write_bytes(b"not read")
    return root


def expanded(pattern: str) -> list[str]:
    """``{a,b}/{1..3}.png`` as a shell expands it."""
    parts = re.split(r"\{([^{}]*)\}", pattern)
    choices = [[part] if i % 2 == 0 else _choices(part) for i, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def _choices(part: str) -> list[str]:
    first, dots, last = part.partition("..")
    return [str(i) for i in range(int(first), int(last) + 1)] if dots else part.split(",")


def plant(root: Path, *patterns: str) -> Path:
    """Files by such patterns: pictures of 8×8, each its own, and text where the name is no picture's."""
    for name in (name for pattern in patterns for name in expanded(pattern)):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix.lower() in (".png", ".jpg", ".bmp", ".gif"):
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(file)
        else:
            file.write_text(name)
    return root
