from pathlib import Path

import pytest

from networks.files import write_atomically


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    file.write_text("old")

    def full_disk(partial: Path) -> None:
        partial.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, full_disk)
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]
