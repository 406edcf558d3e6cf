import base64
import io

import numpy as np
import pytest
from PIL import Image

from report.gallery.sprites import QUALITIES, Pictures, Sheets, encode, mosaic, pack, plan


def pictures(role: str, tiles: np.ndarray, **settings) -> Pictures:
    return Pictures(role, len(tiles), lambda a, b: tiles[a:b], role, **settings)


def cut(sheets: Sheets, k: int) -> np.ndarray:
    """Tile k, found as the page finds it."""
    image = np.array(Image.open(io.BytesIO(base64.b64decode(sheets.files[k // sheets.per_sheet]))))
    at, (height, width) = k % sheets.per_sheet, sheets.size
    y, x = (at // sheets.columns) * sheets.cell[0], (at % sheets.columns) * sheets.cell[1]
    return image[y : y + height, x : x + width].reshape(height, width, -1)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_thumbnail_is_the_image(channels: int) -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (1500, 30, 28, channels), dtype=np.uint8)
    sheets = encode(pictures("x", tiles), None)
    assert len(sheets.files) == 2 and sheets.kind == "png"
    for k in (0, 1, sheets.columns, sheets.per_sheet - 1, sheets.per_sheet, 1499):
        assert np.array_equal(cut(sheets, k), tiles[k])


def test_a_lossy_thumbnail_does_not_show_its_neighbours() -> None:
    tiles = np.zeros((9, 28, 28, 1), dtype=np.uint8)
    tiles[::2] = 255
    sheets = encode(pictures("x", tiles), 80)
    for k in range(9):
        assert np.abs(cut(sheets, k)[..., :1].astype(int) - tiles[k]).max() < 16


def test_mosaic_of_fewer_tiles_than_columns() -> None:
    assert mosaic(np.ones((2, 3, 4, 1), np.uint8), (3, 4), 10).shape == (3, 8, 1)


def test_the_least_important_pays_first() -> None:
    costs = lambda role, rung: {"x": 100, "path": 100}[role] / 2**rung  # noqa: E731
    tile = np.zeros((1, 1, 1, 1), np.uint8)
    roles = {"x": pictures("x", tile, essential=True), "path": pictures("path", tile)}
    assert plan(roles, costs, 200) == {"x": 0, "path": 0}
    assert plan(roles, costs, 150) == {"x": 0, "path": 1}
    assert plan(roles, costs, 100) == {"x": 1, "path": 1}
    last = len(QUALITIES) - 1
    assert plan(roles, costs, 13) == {"x": last}
    assert plan(roles, costs, 1) == {"x": last}, "the essential stay; there will be fewer rows"
    roles["path"] = pictures("path", tile, fragile=True)
    assert plan(roles, costs, 150) == {"x": 1, "path": 0}
    assert plan(roles, costs, 75) == {"x": last, "path": 1}


def test_pack_stays_within_its_limit() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 16, 16, 1), dtype=np.uint8)
    everything = [pictures("x", noise, essential=True), pictures("path", np.repeat(noise, 2, 0), per_row=2)]
    whole = pack(everything, 10**7)
    assert [s.quality for s in whole] == [None, None]
    for limit in (700_000, 400_000, 100_000, 30_000):
        packed = pack(everything, limit)
        assert sum(s.bytes for s in packed) <= limit and packed[0].pictures.role == "x"
    assert [s.pictures.role for s in packed] == ["x"] and 0 < packed[0].pictures.count < 600


def test_nothing_to_pack() -> None:
    assert pack([], 1000) == []
