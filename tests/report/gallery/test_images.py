import base64
import io

import numpy as np
import torch
from PIL import Image

from report.gallery.images import LARGEST, change_scale, change_uri, image_uri


def pixels(uri: str) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))))


def test_images_keep_their_values() -> None:
    x = torch.tensor([[[0.0, 0.5], [1.0, 2.0]]])
    assert pixels(image_uri(x)).tolist() == [[0, 128], [255, 255]]
    colour = torch.rand(3, 4, 5)
    assert np.abs(pixels(image_uri(colour)) / 255 - colour.permute(1, 2, 0).numpy()).max() < 0.5 / 255 + 1e-6


def test_change_is_white_red_and_blue() -> None:
    none, added, removed = pixels(change_uri(torch.tensor([[[0.0, 1.0, -1.0]]]), scale=1.0))[0].astype(int)
    assert none.tolist() == [255, 255, 255]
    assert added[0] > added[1] + 100 and added[0] > added[2] + 100
    assert removed[2] > removed[0] + 100


def test_one_scale_for_all() -> None:
    assert change_scale(torch.zeros(3), torch.zeros(3)) == 1.0
    assert change_scale(torch.full((10,), 0.25), torch.full((10,), -0.25)) == 0.25


def test_large_pictures_become_smaller_and_keep_their_shape() -> None:
    assert pixels(image_uri(torch.rand(3, 400, 800))).shape == (LARGEST // 2, LARGEST, 3)
    assert pixels(change_uri(torch.rand(1, LARGEST, LARGEST), 1.0)).shape == (LARGEST, LARGEST, 3)
