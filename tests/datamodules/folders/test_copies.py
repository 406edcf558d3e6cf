import os
from pathlib import Path

import pytest

from datamodules.folders.copies import BEGINNING, same_bytes
from networks.errors import InputError


def test_files_of_one_size_and_one_beginning_are_told_apart(tmp_path: Path) -> None:
    head = b"h" * BEGINNING
    held = [head + b"a", b"x" * (BEGINNING + 1), head + b"b", head + b"a", b"", b"", b"small", head + b"a"]
    files = [tmp_path / f"{i}.png" for i in range(len(held))]
    for file, data in zip(files, held, strict=True):
        file.write_bytes(data)
    assert sorted(same_bytes(files)) == [[0, 3, 7], [4, 5]]
    assert same_bytes([]) == []


def test_only_what_may_be_a_copy_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")  # would be waited for
    (tmp_path / "a.png").write_bytes(b"a")
    assert same_bytes([tmp_path / "pipe.png", tmp_path / "a.png"]) == []
    (tmp_path / "b.png").touch()
    with pytest.raises(InputError, match=r"pipe.png cannot be read as an image: .*it is no file"):
        same_bytes([tmp_path / "pipe.png", tmp_path / "b.png"])
    (tmp_path / "link.png").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"link.png cannot be read as an image: .*No such file"):
        same_bytes([tmp_path / "link.png"])
