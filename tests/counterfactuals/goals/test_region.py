from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.utils import save_image

from counterfactuals import Ascent, Box, InputError, MaskFile, PixelChart, explain
from networks import MLP


def test_what_is_outside_stays(tmp_path: Path) -> None:
    predictor, x = MLP([1, 6, 6], 3, hidden=[16]), torch.rand(8, 1, 6, 6)
    box = Box(1, 2, 3, 4)
    save_image(box.mask([1, 6, 6]).float(), tmp_path / "mask.png")
    target = (predictor(x).argmax(1) + 1) % 3
    found = [
        explain(predictor, PixelChart([1, 6, 6]), x, target, Ascent(0.02, 100, region=region))
        for region in (box, MaskFile(str(tmp_path / "mask.png")))
    ]
    changed = (found[0].counterfactual != x).any(0)
    assert changed[0, 1:4, 2:6].all() and changed.sum() == 12
    assert torch.equal(found[0].counterfactual, found[1].counterfactual)
    outside = Box(1, 2, 3, 4, inside=False).mask([1, 6, 6])
    assert torch.equal(outside, ~box.mask([1, 6, 6]))


def test_masks_of_any_depth_upright_and_transparent(tmp_path: Path) -> None:
    wanted = np.zeros((6, 8), np.uint8)
    wanted[1:3, 5:] = 255
    exif = Image.Exif()
    exif[274] = 6
    masks: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "8.png": (Image.fromarray(wanted), {}),
        "12.png": (Image.fromarray(np.where(wanted, np.uint16(4000), np.uint16(300))), {}),
        "ones.tif": (Image.fromarray(wanted.astype(np.float32) / 255), {}),
        "alpha.png": (Image.fromarray(np.dstack([np.full_like(wanted, 255), wanted])), {}),
        "turned.png": (Image.fromarray(np.ascontiguousarray(np.rot90(wanted))), {"exif": exif}),
    }
    for name, (image, how) in masks.items():
        image.save(tmp_path / name, **how)
        assert np.array_equal(MaskFile(str(tmp_path / name)).mask([3, 6, 8])[0], wanted > 0), name
    Image.fromarray(wanted // 255).save(tmp_path / "dark.png")
    with pytest.raises(
        InputError, match=r"dark.png leaves nothing to change: .*its brightest pixel has 0.004 of white"
    ):
        MaskFile(str(tmp_path / "dark.png"))


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"rows 4 to 8 and columns 0 to 2 does not lie in samples of shape \(1, 6, 6\)"
    ):
        Box(4, 0, 4, 2).mask([1, 6, 6])
    with pytest.raises(InputError, match="cannot be read as an image"):
        MaskFile(str(tmp_path / "none.png"))
    save_image(torch.ones(1, 5, 5), tmp_path / "small.png")
    with pytest.raises(InputError, match=r"is \(5, 5\), the samples are \(6, 6\)"):
        MaskFile(str(tmp_path / "small.png")).mask([1, 6, 6])


def test_locked_coordinates_stay(linear_chart, linear_predictor) -> None:
    x = torch.randn(8, 6)
    cf = explain(linear_predictor, linear_chart, x, 1, Ascent(0.05, 1000, clip=None, locked=[0, 4]))
    moved = (cf.z_prime != cf.z)[cf.flipped].any(0)
    assert moved.tolist() == [False, True, True, True, False, True]
