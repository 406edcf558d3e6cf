"""Arrays as images: NumPy's .npy files."""

import io
import math

import numpy as np

from datamodules.images.image_files import check_size
from datamodules.images.stored import Picture, unsigned, with_alpha

MAGIC = b"\x93NUMPY"
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def from_npy(data: bytes) -> Picture:
    """H×W, H×W×C or C×H×W of one or three channels, or H×W×4 bytes (RGBA); nothing is unpickled.

    Raises:
        ValueError: another shape, numbers that are no integers or floats, or fewer than the header says.
    """
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in HEADERS:
        raise ValueError("it holds named fields, not one array of numbers")
    shape, fortran, dtype = HEADERS[version](stream)
    if dtype.kind not in "biuf":
        raise ValueError(f"it holds {'Python objects' if dtype.hasobject else dtype}, not integers or floats")
    if math.prod(shape) * dtype.itemsize > len(data) - stream.tell():
        raise ValueError(f"it is cut off: its header says {'×'.join(map(str, shape))} of {dtype}")
    values = np.frombuffer(data, dtype, math.prod(shape), stream.tell()).reshape(shape, order="F" if fortran else "C")
    values = _channels_last(unsigned(values))
    check_size(values.shape[1], values.shape[0])
    return with_alpha(values) if values.shape[2] == 4 else Picture(values)


def _channels_last(values: np.ndarray) -> np.ndarray:
    shape = values.shape
    if len(shape) == 2:
        return values[..., None]
    last = len(shape) == 3 and (shape[2] in (1, 3) or (shape[2] == 4 and values.dtype == np.uint8))
    first = len(shape) == 3 and shape[0] in (1, 3)
    if last == first:
        why = "either H×W×C or C×H×W" if last else "neither H×W, H×W×C nor C×H×W with one or three channels"
        raise ValueError(f"its shape {'×'.join(map(str, shape)) or '()'} is {why}")
    return values if last else np.moveaxis(values, 0, 2)
