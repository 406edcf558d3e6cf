"""A table with small pictures, for a notebook."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from PIL import Image
from torch import Tensor

LARGEST = 64  # pixels a side of a picture, as it is sent
SHOWN = 48  # as it is seen


def table(caption: str, columns: Mapping[str, Sequence[Any]], pictures: Mapping[str, Tensor]) -> str:
    """All columns below a caption, n rows: first the pictures (n×C×H×W in [0, 1]), then words and numbers, escaped."""
    drawn = {name: [_picture(image) for image in images] for name, images in pictures.items()}
    cells = drawn | {name: [escape(_text(value)) for value in values] for name, values in columns.items()}
    head = "".join(f"<th>{escape(name)}</th>" for name in cells)
    rows = ("".join(f"<td>{cell}</td>" for cell in row) for row in zip(*cells.values(), strict=True))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<p>{escape(caption)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _picture(image: Tensor) -> str:
    bytes_ = (image.nan_to_num(0).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).squeeze(-1).numpy()
    small, buffer = Image.fromarray(bytes_), io.BytesIO()
    small.thumbnail((LARGEST, LARGEST))
    small.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img style="height:{SHOWN}px;image-rendering:pixelated" src="data:image/png;base64,{data}">'
