import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from counterfactuals import MaskFile
from datamodules import ImageFolder
from datamodules.images.image_files import opened
from networks.errors import InputError
from tests.support.trees import write_image_folder


def bomb(file: Path) -> None:
    """A PNG of 60,000 × 60,000 pixels in a hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def postscript(file: Path) -> None:
    file.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")


def cut_off(file: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(file)
    file.write_bytes(file.read_bytes()[:60])


FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "bomb": (bomb, "3600000000 pixels"),
    "postscript": (postscript, "cannot identify"),
    "pipe": (os.mkfifo, "it is no file"),
    "link": (lambda file: file.symlink_to("nowhere.png"), "a link to a file that is not there"),
    "folder": (Path.mkdir, "it is no file"),
    "empty": (Path.touch, "cannot identify"),
    "cut-off": (cut_off, ""),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_image_is_named_in_one_sentence(tmp_path: Path, name: str) -> None:
    make, why = FILES[name]
    make(tmp_path / "x.png")
    refused = pytest.raises(InputError, match=f"{tmp_path}/x.png cannot be read as an image: .*{why}")
    with refused, opened(tmp_path / "x.png") as image:
        image.convert("RGB")
    if name in ("bomb", "postscript", "cut-off"):
        with pytest.raises(InputError, match=r"x.png cannot be read as an image"):
            MaskFile(str(tmp_path / "x.png"))


def test_a_link_to_nothing_stops_a_continued_run_with_its_name(tmp_path: Path) -> None:
    write_image_folder(tmp_path)
    (tmp_path / "dark" / "z.png").symlink_to("nowhere.png")
    with pytest.raises(
        InputError, match=r"dark/z.png cannot be read as an image: .*a link to a file that is not there"
    ):
        ImageFolder(str(tmp_path), size=8, grey=False).split("train")
