"""Searches as rows of pictures. It imports matplotlib, so that ``import counterfactuals`` need not."""

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from torch import Tensor

from counterfactuals.output.words import short

WIDTH = 1.4  # inches of a picture
TALLEST = 2.0  # of its width, what a picture may be high
GAP, BETWEEN = 0.08, 0.35  # between pictures; before the control's
HEAD, TITLE, FOOT, SIDE = 0.3, 0.24, 0.62, 0.14
DPI = 110  # in a notebook
COLOURS = "RdBu_r"


class Column(NamedTuple):
    """Pictures below each other.

    Attributes:
        name: what they are.
        images: n×C×H×W in [0, 1], or changes n×H×W.
        titles: a line above each, which may run over what is right of it.
        apart: whether it stands away from the column before.
    """

    name: str
    images: Tensor
    titles: Sequence[str] = ()
    apart: bool = False


class Picture(Figure):
    """A figure that notebooks show, whether pyplot was imported or not."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=DPI)
        return buffer.getvalue()


class Grid:
    """Where pictures lie in a figure, in inches from its upper left corner."""

    def __init__(self, columns: Sequence[Column]) -> None:
        n, (height, width) = len(columns[0].images), columns[0].images.shape[-2:]
        self.lefts, right = [], SIDE
        for column in columns:
            right += BETWEEN if column.apart else GAP
            self.lefts.append(right)
            right += WIDTH
        self.height = WIDTH * min(height / width, TALLEST)
        self.size = (right + SIDE, HEAD + n * (TITLE + self.height) + FOOT)
        self.figure = Picture(figsize=self.size, facecolor="white")
        #: inches that a line above each picture may take: up to what stands apart, or the last one
        ends = [left - BETWEEN for column, left in zip(columns, self.lefts, strict=True) if column.apart] + [right]
        self.room = [next(end for end in ends if end > left) - left for left in self.lefts]

    def axes(self, row: int, column: int) -> Axes:
        top = HEAD + row * (TITLE + self.height) + TITLE
        return self._at(self.lefts[column], top, WIDTH, self.height)

    def foot(self) -> Axes:
        """For the bar of colours."""
        return self._at(self.lefts[0], self.size[1] - FOOT + 0.12, self.lefts[2] + WIDTH - self.lefts[0], 0.1)

    def head(self, column: int, text: str) -> None:
        self._write(self.lefts[column] + WIDTH / 2, HEAD - 0.08, text, fontsize=10, ha="center", weight="bold")

    def title(self, row: int, column: int, text: str) -> None:
        """Cut off where it would run into what stands apart."""
        top = HEAD + row * (TITLE + self.height) + TITLE
        written = self._write(self.lefts[column], top - 0.05, text, fontsize=8)
        most = self.room[column] * self.figure.dpi
        while (wide := written.get_window_extent().width) > most:
            text = short(text, min(int(len(text) * most / wide), len(text) - 1))
            written.set_text(text)

    def _write(self, x: float, y: float, text: str, **kind: Any) -> Text:
        """Names may hold dollar signs, which matplotlib takes for formulas."""
        return self.figure.text(x / self.size[0], 1 - y / self.size[1], text, parse_math=False, **kind)

    def _at(self, left: float, top: float, width: float, height: float) -> Axes:
        w, h = self.size
        return self.figure.add_axes((left / w, 1 - (top + height) / h, width / w, height / h))


def draw(columns: Sequence[Column], scale: float, foot: str) -> Picture:
    """Rows of pictures, and below them what the colours of changes mean, from −``scale`` to ``scale``."""
    grid = Grid(columns)
    for j, column in enumerate(columns):
        grid.head(j, column.name)
        for i, image in enumerate(column.images):
            shown = _put(grid.axes(i, j), image, scale)
            if column.titles:
                grid.title(i, j, column.titles[i])
    bar = grid.figure.colorbar(shown, cax=grid.foot(), orientation="horizontal")
    bar.set_label(foot, fontsize=8)
    bar.ax.tick_params(labelsize=7, length=2)
    return grid.figure


def _put(axes: Axes, image: Tensor, scale: float) -> AxesImage:
    axes.set_axis_off()
    if image.ndim == 2:
        return axes.imshow(image.numpy(), cmap=COLOURS, vmin=-scale, vmax=scale, aspect="auto")
    colours = image.permute(1, 2, 0).squeeze(-1).numpy()
    return axes.imshow(colours, cmap="gray", vmin=0, vmax=1, aspect="auto")
