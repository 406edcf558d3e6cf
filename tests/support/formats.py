"""The same picture in many kinds of files, each with the largest difference that its format explains."""

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import tifffile
from PIL import Image, ImageCms
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

EXACT, ROUNDED = 1e-6, 0.1 / 255  # the same numbers; those of 12 bits, or of half precision
HEIGHT, WIDTH = 36, 48


def ramp() -> np.ndarray:
    """H×W uint8: bright on the right, a dark bar near the top; every turn of it is another picture."""
    x = np.tile(np.linspace(0, 255, WIDTH), (HEIGHT, 1))
    x[4:10, 6:40] *= 0.3
    return x.round().astype(np.uint8)


def colours() -> np.ndarray:
    """H×W×3 uint8."""
    grey = ramp()
    return np.stack([grey, grey[:, ::-1], grey // 2 + 60], axis=2)


def twelve(x: np.ndarray) -> np.ndarray:
    """12 bits in 16."""
    return (x / 255 * 4095).round().astype(np.uint16)


def sixteen(x: np.ndarray) -> np.ndarray:
    return x.astype(np.uint16) * 257


def pillow(x: Any, **how: Any) -> Callable[[Path], None]:
    """By Pillow; x may be an image."""

    def write(file: Path) -> None:
        (x if isinstance(x, Image.Image) else Image.fromarray(x)).save(file, **how)

    return write


def tiff(x: np.ndarray, **how: Any) -> Callable[[Path], None]:
    return lambda file: tifffile.imwrite(file, x, **how)


def array(x: np.ndarray) -> Callable[[Path], None]:
    return lambda file: np.save(file, x)


def png16(
    x: np.ndarray, kind: int, transparent: bytes = b"", filters: Sequence[int] | None = None
) -> Callable[[Path], None]:
    """A PNG of 16 bits a colour, which Pillow cannot write.

    Args:
        kind: PNG's number: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA.
        transparent: its chunk of the colour that is none.
        filters: of each line, to which x is then what is left by them.
    """

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    def write(file: Path) -> None:
        before = filters or [0] * len(x)
        rows = b"".join(bytes([n]) + row.astype(">u2").tobytes() for n, row in zip(before, x, strict=True))
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", x.shape[1], x.shape[0], 16, kind, 0, 0, 0))
        key = chunk(b"tRNS", transparent) if transparent else b""
        body = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        file.write_bytes(b"\x89PNG\r\n\x1a\n" + head + key + body)

    return write


def dicom(x: np.ndarray, bits: int | None = None, kind: str = "MONOCHROME2", **tags: Any) -> Callable[[Path], None]:
    """x of H×W, F×H×W or H×W×3."""

    def write(file: Path) -> None:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        data = FileDataset(str(file), {}, file_meta=meta, preamble=b"\0" * 128)
        pixels = x[None] if kind == "RGB" else x
        data.SamplesPerPixel = 3 if kind == "RGB" else 1
        if kind == "RGB":
            data.PlanarConfiguration = 0
        elif x.ndim == 3:
            data.NumberOfFrames = len(x)
        data.Rows, data.Columns = pixels.shape[1:3] if pixels.ndim > 2 else pixels.shape
        data.PhotometricInterpretation = kind
        data.BitsAllocated = 8 * x.dtype.itemsize
        data.BitsStored = bits or data.BitsAllocated
        data.HighBit = data.BitsStored - 1
        data.PixelRepresentation = int(x.dtype.kind == "i")
        data.PixelData = np.ascontiguousarray(x).tobytes()
        for name, value in tags.items():
            setattr(data, name, value)
        data.save_as(file, enforce_file_format=True)

    return write


def as_jpeg_dicom(file: Path) -> None:
    """A grey JPEG inside of DICOM."""
    dicom(ramp())(file)
    stream = io.BytesIO()
    Image.fromarray(ramp()).save(stream, "JPEG", quality=98)
    data = pydicom.dcmread(file)
    data.PixelData = pydicom.encaps.encapsulate([stream.getvalue()])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
    data.save_as(file)


def with_exif(x: np.ndarray, orientation: int) -> tuple[Image.Image, Image.Exif]:
    """An image that lies as a camera stores it, and the number that says how to turn it upright."""
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions, each the inverse of the number's
    exif = Image.Exif()
    exif[274] = orientation
    return Image.fromarray(x).transpose(Image.Transpose(back[orientation])), exif


def exif(x: np.ndarray, orientation: int, **how: Any) -> Callable[[Path], None]:
    image, tag = with_exif(x, orientation)
    return pillow(image, exif=tag, **how)


def palette(x: np.ndarray, alpha: np.ndarray, transparency: int | bytes = 200) -> Callable[[Path], None]:
    """x of at most 128 grey values, and one number for what is not there."""
    image = Image.fromarray(np.where(alpha, x, 200).astype(np.uint8)).convert("L")
    image.putpalette([value for value in range(256) for _ in range(3)])
    return pillow(image, transparency=transparency)


G, C = ramp(), colours()
SRGB, LAB = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
#: name, by its ending; what writes it; the largest difference
GREYS: dict[str, tuple[Callable[[Path], None], float]] = {
    "8.png": (pillow(G), EXACT),
    "8.bmp": (pillow(G), EXACT),
    "8.pgm": (pillow(G), EXACT),
    "8.webp": (pillow(G, lossless=True), EXACT),
    "8.jp2": (pillow(G), EXACT),
    "8.gif": (pillow(G), EXACT),
    "8.tif": (tiff(G), EXACT),
    "8_white_is_zero.tif": (tiff(255 - G, photometric="miniswhite"), EXACT),
    "8_signed.tif": (tiff((G.astype(int) - 128).astype(np.int8)), EXACT),
    "8.npy": (array(G), EXACT),
    "8.dcm": (dicom(G), EXACT),
    "palette.png": (pillow(Image.fromarray(G).convert("P")), EXACT),
    "colour.png": (pillow(np.stack([G] * 3, axis=2)), EXACT),
    "8.jpg": (pillow(G, quality=98), 4 / 255),
    "8.jfif": (pillow(G, format="JPEG", quality=98), 4 / 255),
    "8.avif": (pillow(G, quality=98), 6 / 255),
    **{f"exif_{n}.png": (exif(G, n), EXACT) for n in range(2, 9)},
    **{f"exif_{n}.jpg": (exif(G, n, quality=98), 4 / 255) for n in range(2, 9)},
    "exif_8.webp": (exif(G, 8, lossless=True), EXACT),
    "exif_6.tif": (tiff(np.rot90(G), extratags=[(274, "H", 1, 6, True)]), EXACT),
    "12.png": (pillow(twelve(G)), ROUNDED),
    "12.tif": (tiff(twelve(G)), ROUNDED),
    "12_white_is_zero.tif": (tiff(4095 - twelve(G), photometric="miniswhite"), ROUNDED),
    "12.npy": (array(twelve(G)), ROUNDED),
    "12.dcm": (dicom(twelve(G), 12), ROUNDED),
    "12_overlay.dcm": (dicom(twelve(G) | np.uint16(0x8000), 12), ROUNDED),
    "12_window.dcm": (dicom(twelve(G), 16, WindowCenter=2048, WindowWidth=4096), ROUNDED),
    "12_inverted.dcm": (dicom(4095 - twelve(G), 12, "MONOCHROME1"), ROUNDED),
    "hounsfield.dcm": (
        dicom(twelve(G), 12, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=[1024, 40], WindowWidth=[4096, 400]),
        ROUNDED,
    ),
    "negative_slope.dcm": (
        dicom(4095 - twelve(G), 12, RescaleSlope=-1, RescaleIntercept=4095),
        ROUNDED,
    ),
    "first_frame.dcm": (dicom(np.stack([G, G[::-1]])), EXACT),
    "jpeg.dcm": (as_jpeg_dicom, 4 / 255),
    "16.png": (pillow(sixteen(G)), ROUNDED),
    "16.tif": (tiff(sixteen(G)), ROUNDED),
    "16_big_endian.tif": (tiff(sixteen(G), byteorder=">"), ROUNDED),
    "16_lzw.tif": (pillow(sixteen(G), compression="tiff_lzw"), ROUNDED),
    "16_signed.tif": (tiff((G.astype(np.int32) * 256 - 32768).astype(np.int16)), 1 / 255),
    "16_signed_white_is_zero.tif": (
        tiff((32767 - G.astype(np.int32) * 256).astype(np.int16), photometric="miniswhite"),
        1 / 255,
    ),
    "16.pgm": (pillow(sixteen(G)), ROUNDED),
    "16.jp2": (pillow(sixteen(G)), ROUNDED),
    "16.npy": (array(sixteen(G)), ROUNDED),
    "16_fortran.npy": (array(np.asfortranarray(sixteen(G))), ROUNDED),
    "16_big_endian.npy": (array(sixteen(G).astype(">u2")), ROUNDED),
    "32.tif": (tiff(G.astype(np.uint32) * 16843009), ROUNDED),
    "32_signed.tif": (tiff(G.astype(np.int32) * 8421504), ROUNDED),
    "64.npy": (array(G.astype(np.int64) * 257), ROUNDED),
    "float.tif": (tiff((G / 255).astype(np.float32)), ROUNDED),
    "float_white_is_zero.tif": (tiff(1 - (G / 255).astype(np.float32), photometric="miniswhite"), ROUNDED),
    "float_255.tif": (tiff(G.astype(np.float32)), ROUNDED),
    "float_centred.npy": (array(G / 127.5 - 1), ROUNDED),
    "double.tif": (tiff(G / 255), ROUNDED),
    "half.tif": (tiff((G / 255).astype(np.float16)), ROUNDED),
    "float.npy": (array((G / 255).astype(np.float32)), ROUNDED),
    "float_1hw.npy": (array((G / 255)[None]), ROUNDED),
    "float_hw1.npy": (array((G / 255)[..., None].astype(np.float16)), ROUNDED),
}

#: LAB cannot keep the brightest of these colours
COLOURS: dict[str, tuple[Callable[[Path], None], float]] = {
    "8.png": (pillow(C), EXACT),
    "8.ppm": (pillow(C), EXACT),
    "8.npy": (array(C), EXACT),
    "8_chw.npy": (array(C.transpose(2, 0, 1)), EXACT),
    "8_planes.tif": (tiff(C.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"), EXACT),
    "8.dcm": (dicom(C, kind="RGB"), EXACT),
    "ycbcr.tif": (pillow(Image.fromarray(C).convert("YCbCr")), 4 / 255),
    "lab.tif": (
        pillow(ImageCms.profileToProfile(Image.fromarray(C), SRGB, LAB, outputMode="LAB")),
        30 / 255,
    ),  # out of gamut
    "cmyk.jpg": (pillow(Image.fromarray(C).convert("CMYK"), quality=98), 12 / 255),
    "cmyk.tif": (pillow(Image.fromarray(C).convert("CMYK")), 2 / 255),
    "8.jpg": (pillow(C, quality=98, subsampling=0), 8 / 255),
    "exif_6.jpg": (exif(C, 6, quality=98, subsampling=0), 8 / 255),
    "16.png": (png16(sixteen(C), 2), EXACT),
    "12.png": (png16(twelve(C), 2), ROUNDED),
    "16.tif": (tiff(sixteen(C), photometric="rgb"), EXACT),
    "16_deflate.tif": (tiff(sixteen(C), photometric="rgb", compression="zlib", predictor=True), EXACT),
    "16_planes.tif": (tiff(sixteen(C.transpose(2, 0, 1)), photometric="rgb", planarconfig="separate"), EXACT),
    "12.tif": (tiff(twelve(C), photometric="rgb"), ROUNDED),
    "12.npy": (array(twelve(C)), ROUNDED),
    "float.tif": (tiff((C / 255).astype(np.float32), photometric="rgb"), ROUNDED),
    "float_chw.npy": (array((C / 255).transpose(2, 0, 1)), ROUNDED),
}

VEIL = np.full_like(G, 255)
VEIL[20:, :30] = 0  # nothing is there, whatever the colour of that
HALF = np.full_like(G, 128)


def veiled(x: np.ndarray, alpha: np.ndarray, background: int) -> np.ndarray:
    """What is seen of x where it lies on a grey value."""
    share = alpha / 255 if x.ndim == 2 else alpha[..., None] / 255
    return share * x + (1 - share) * background


#: of transparent files: what writes them, and x and alpha of which they are made
SEE_THROUGH: dict[str, tuple[Callable[[Path], None], np.ndarray, np.ndarray]] = {
    "la.png": (pillow(np.dstack([G, VEIL])), G, VEIL),
    "la_half.png": (pillow(np.dstack([G, HALF])), G, HALF),
    "rgba.png": (pillow(np.dstack([C, VEIL])), C, VEIL),
    "rgba_half.png": (pillow(np.dstack([C, HALF])), C, HALF),
    "rgba.webp": (pillow(np.dstack([C, HALF]), lossless=True), C, HALF),
    "rgba.tif": (pillow(np.dstack([C, HALF])), C, HALF),
    "rgba.npy": (array(np.dstack([C, HALF])), C, HALF),
    "alpha_only.png": (pillow(np.dstack([0 * C, G])), 0 * C, G),
    "key.png": (pillow(np.where(VEIL, np.maximum(G, 1), 0).astype(np.uint8), transparency=0), np.maximum(G, 1), VEIL),
    "palette.png": (palette(G // 2, VEIL), G // 2, VEIL),
    "palette_bytes.png": (palette(G // 2, VEIL, bytes([255] * 200 + [0])), G // 2, VEIL),
    "palette.gif": (palette(G // 2, VEIL), G // 2, VEIL),
    "16_key.png": (png16(np.where(VEIL, sixteen(G), 1), 0, struct.pack(">H", 1)), G, VEIL),
    "16_rgb_key.png": (png16(np.where(VEIL[..., None], sixteen(C), 1), 2, struct.pack(">HHH", 1, 1, 1)), C, VEIL),
    "16_la.png": (png16(np.dstack([sixteen(G), sixteen(HALF)]), 4), G, HALF),
    "16_rgba.png": (png16(np.dstack([sixteen(C), sixteen(HALF)]), 6), C, HALF),
    "16_rgba.tif": (tiff(np.dstack([sixteen(C), sixteen(HALF)]), photometric="rgb", extrasamples=[2]), C, HALF),
}
