"""Thumbnails in sheets: thousands of pictures in a few image files, within a limit of bytes."""

import base64
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np
from PIL import Image

SHEET_PIXELS = 1 << 20  # large enough to be few, small enough that one is decoded in milliseconds
QUALITIES = (None, 95, 80, 60)  # lossless PNG, then WebP; below 60 faces of 64 pixels smear
BLOCK = 16  # WebP's macroblock: tiles that begin on one do not bleed into each other
SAMPLE = 64  # tiles a probe of what an encoding costs


@dataclass(frozen=True)
class Pictures:
    """One picture (or ``per_row`` pictures) for each row of the gallery.

    Attributes:
        role: what they show.
        count: of tiles.
        take: first, last + 1 → tiles n×H×W×C, uint8, C = 1 or 3.
        title: what the page calls them.
        per_row: tiles a row; 0 where tiles do not belong to rows.
        essential: never left out.
        fragile: faint noise, of which lossy encodings keep nothing but their own artefacts.
        signed: bytes are ``images.signed_pixels``.
    """

    role: str
    count: int
    take: Callable[[int, int], np.ndarray]
    title: str
    per_row: int = 1
    essential: bool = False
    fragile: bool = False
    signed: bool = False

    def of_rows(self, rows: int) -> "Pictures":
        """The tiles of the first rows."""
        return replace(self, count=min(self.count, rows * self.per_row)) if self.per_row else self

    def later(self, start: int, count: int) -> "Pictures":
        """``count`` tiles from ``start`` on."""
        return replace(self, count=count, take=lambda a, b: self.take(start + a, start + b))


@dataclass(frozen=True)
class Sheets:
    """All tiles of one role, encoded.

    Attributes:
        quality: of WebP; None is lossless.
        cell: height and width that a tile takes, of which its own size is the upper left part.
        columns: tiles in a sheet's row.
        per_sheet: tiles in a sheet.
        files: base64 of the image files.
    """

    pictures: Pictures
    quality: int | None
    size: tuple[int, int]
    cell: tuple[int, int]
    columns: int
    per_sheet: int
    files: list[str]

    @property
    def bytes(self) -> int:
        return sum(map(len, self.files))

    def first_row(self, number: int) -> float:
        """Of a sheet; infinity where tiles do not belong to rows."""
        return number * self.per_sheet / self.pictures.per_row if self.pictures.per_row else float("inf")

    @property
    def kind(self) -> str:
        return "png" if self.quality is None else "webp"


def pack(pictures: Iterable[Pictures], limit: float) -> list[Sheets]:
    """Encode as well as ``limit`` bytes of base64 allow.

    ``pictures`` come in the order of their importance. Everything is lossless where that fits; else
    the least important become lossy first, then all, the fragile last; then the least important are
    left out; and where not even the essential fit, only the first rows have pictures.
    """
    available = {p.role: p for p in pictures}

    @cache
    def costs(role: str, rung: int) -> float:
        return cost(available[role], QUALITIES[rung])

    allowed = limit
    while True:
        rungs = plan(available, costs, allowed)
        share = min(1.0, allowed / max(sum(costs(role, rung) for role, rung in rungs.items()), 1))
        rows = max((p.count for p in available.values() if p.essential), default=0)
        packed = [encode(available[role].of_rows(int(share * rows)), QUALITIES[rung]) for role, rung in rungs.items()]
        if (total := sum(sheets.bytes for sheets in packed)) <= limit:
            return packed
        allowed *= 0.97 * limit / total  # the probes were too hopeful


def plan(pictures: dict[str, Pictures], costs: Callable[[str, int], float], limit: float) -> dict[str, int]:
    """Which of the encodings each role gets, so that their costs sum to ``limit``; the last pays first."""
    rungs = dict.fromkeys(pictures, 0)

    def fits() -> bool:
        return sum(costs(role, rung) for role, rung in rungs.items()) <= limit

    for fragile in (False, True):
        payers = [role for role, p in pictures.items() if p.fragile == fragile]
        for rung, role in product(range(1, len(QUALITIES)), reversed(payers)):
            if fits():
                return rungs
            if costs(role, rung) < costs(role, rungs[role]):
                rungs[role] = rung
    for role in reversed(pictures):
        if not fits() and not pictures[role].essential:
            del rungs[role]
    return rungs


def cost(pictures: Pictures, quality: int | None) -> float:
    """Bytes of base64 that all tiles will take, from four probes."""
    if pictures.count <= 4 * SAMPLE:
        return encode(pictures, quality).bytes
    starts = np.linspace(0, pictures.count - SAMPLE, 4).astype(int).tolist()
    return sum(encode(pictures.later(s, SAMPLE), quality).bytes for s in starts) * pictures.count / (4 * SAMPLE)


def encode(pictures: Pictures, quality: int | None) -> Sheets:
    """Lay out and encode."""
    height, width = pictures.take(0, 1).shape[1:3]
    cell = (height, width) if quality is None else (_up(height), _up(width))
    columns = max(1, int(SHEET_PIXELS**0.5) // cell[1])
    per_sheet = columns * max(1, int(SHEET_PIXELS**0.5) // cell[0])
    starts = range(0, pictures.count, per_sheet)
    tiles = (pictures.take(start, min(start + per_sheet, pictures.count)) for start in starts)
    files = [base64.b64encode(_file(mosaic(t, cell, columns), quality)).decode() for t in tiles]
    return Sheets(pictures, quality, (height, width), cell, columns, per_sheet, files)


def mosaic(tiles: np.ndarray, cell: tuple[int, int], columns: int) -> np.ndarray:
    """Tiles n×H×W×C row by row in cells of at least their size, whose rest repeats the tile's edge."""
    n, height, width, channels = tiles.shape
    columns, rows = min(columns, n), -(-n // columns)
    missing, down, right = rows * columns - n, cell[0] - height, cell[1] - width
    tiles = np.pad(tiles, ((0, missing), (0, 0), (0, 0), (0, 0)))
    tiles = np.pad(tiles, ((0, 0), (0, down), (0, right), (0, 0)), mode="edge")
    grid = tiles.reshape(rows, columns, *cell, channels).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * cell[0], columns * cell[1], channels)


def _file(array: np.ndarray, quality: int | None) -> bytes:
    image, buffer = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array), io.BytesIO()
    if quality is None:
        image.save(buffer, "PNG")
    else:
        image.save(buffer, "WEBP", quality=quality, method=2)
    return buffer.getvalue()


def _up(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
