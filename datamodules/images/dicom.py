"""DICOM: an X-ray, or one slice of a scanner."""

import io
from typing import Any

import numpy as np

from datamodules.images.image_files import check_size
from datamodules.images.stored import SEVERAL, WINDOWED, Picture, Range, unsigned
from networks.errors import InputError

SUFFIXES = (".dcm", ".dicom")
DEFLATED = b"1.2.840.10008.1.2.1.99"


def is_dicom(data: bytes, suffix: str) -> bool:
    """By what is written behind the preamble; some old files have none."""
    return data[128:132] == b"DICM" or suffix.lower() in SUFFIXES


def from_dicom(data: bytes) -> Picture:
    """The first frame: rescaled, through its window or table of intensities where it names one.

    Raises:
        InputError: pydicom is not installed.
        ValueError: no pixels, or compressed in a way that nothing installed can read.
    """
    try:
        import pydicom  # noqa: PLC0415  # an extra
        from pydicom import pixels  # noqa: PLC0415
    except ImportError as error:
        raise InputError("DICOM files are read by pydicom: pip install 'onmanifold[dicom]'") from error
    if DEFLATED in data:
        raise ValueError("it is deflated as a whole, which may be any size: save it in another transfer syntax")
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    if "Rows" not in dataset or not any(f"{kind}PixelData" in dataset for kind in ("", "Float", "DoubleFloat")):
        raise ValueError("no DICOM with pixels")
    check_size(int(dataset.Columns), int(dataset.Rows))
    several = (SEVERAL,) if int(dataset.get("NumberOfFrames") or 1) > 1 else ()
    values = pixels.pixel_array(dataset, index=0)
    if values.ndim == 3:
        return Picture(unsigned(values), remarks=several)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        coloured = pixels.apply_color_lut(values, dataset)
        return Picture(coloured, span=(0, np.iinfo(coloured.dtype).max), remarks=several)
    return _grey(values, dataset, several)


def _grey(values: np.ndarray, dataset: Any, remarks: tuple[str, ...]) -> Picture:
    from pydicom import pixels  # noqa: PLC0415

    inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    values = _rescaled(_unpadded(_used_bits(values, dataset), dataset, inverted), dataset)
    if dataset.get("VOILUTSequence"):
        span: Range | None = (0, 2 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1)
        values = pixels.apply_voi(values, dataset)
    else:
        span = _window(dataset)
        if span is not None and str(dataset.get("VOILUTFunction") or "").upper() == "SIGMOID":
            middle, width = (span[0] + span[1]) / 2, span[1] - span[0]
            values, span = 1 / (1 + np.exp(-4 * (values - middle) / width)), (0, 1)
    remarks += () if span is None else (WINDOWED,)
    values = unsigned(values) if span is None else values
    return Picture(values[..., None], None, span, inverted, remarks)


def _used_bits(values: np.ndarray, dataset: Any) -> np.ndarray:
    """Old files keep overlays in the bits that the picture does not use."""
    unused = values.dtype.kind == "u" and dataset.BitsStored < dataset.BitsAllocated
    return values & values.dtype.type(2**dataset.BitsStored - 1) if unused else values


def _unpadded(values: np.ndarray, dataset: Any, inverted: bool) -> np.ndarray:
    """Black where a scanner has seen nothing, often with a number far from all others."""
    ends = [dataset.get(name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if ends[0] is None:
        return values
    low, high = sorted(int(end) for end in (ends[0], ends[0] if ends[1] is None else ends[1]))
    seen = (values < low) | (values > high)
    if not seen.any():
        return values
    return np.where(seen, values, values[seen].max() if inverted else values[seen].min())


def _rescaled(values: np.ndarray, dataset: Any) -> np.ndarray:
    """Hounsfield units, optical density …; integers where slope and intercept are."""
    from pydicom import pixels  # noqa: PLC0415

    given = (dataset.get("RescaleSlope"), dataset.get("RescaleIntercept"))
    if not dataset.get("ModalityLUTSequence") and given in ((None, None), (1, 0)):
        return values
    rescaled = pixels.apply_modality_lut(values, dataset)
    whole = values.dtype.kind in "iu" and all(float(number or 0).is_integer() for number in given)
    return rescaled.astype(np.int32) if whole and np.abs(rescaled).max() < 2**31 else rescaled


def _window(dataset: Any) -> Range | None:
    """The ends of the first window that has a width."""
    given = (dataset.get(f"Window{name}") for name in ("Center", "Width"))
    centres, widths = (np.atleast_1d([] if value in (None, "") else value) for value in given)  # 0 is a centre
    pixel = str(dataset.get("VOILUTFunction") or "LINEAR").upper() == "LINEAR"  # both ends are whole pixels' numbers
    for centre, width in zip(centres, widths, strict=False):
        middle, wide = (float(centre) - 0.5, float(width) - 1) if pixel else (float(centre), float(width))
        if wide > 0:
            return middle - wide / 2, middle + wide / 2
    return None
