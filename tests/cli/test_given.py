from pathlib import Path

import pytest

from cli import given
from networks.errors import InputError


def test_words_and_configs_make_one_tree(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("model: {slots: 3, method: {class_path: a.B, init_args: {x: 1, y: 2}}}\n")
    words = ["--config", str(file), "--model.method.x=4", "--model.slots", "5", "--model.method.inner.z", "-1"]
    assert given.read(words) == {
        "model": {"slots": "5", "method": {"class_path": "a.B", "init_args": {"x": "4", "y": 2, "inner": {"z": "-1"}}}}
    }


def test_another_class_forgets_the_arguments_and_a_list_takes_them_at_its_end(tmp_path: Path) -> None:
    words = ["--m.method=a.B", "--m.method.x=1", "--m.method=c.D", "--m.method.y=2"]
    assert given.read(words)["m"]["method"] == {"class_path": "c.D", "init_args": {"y": "2"}}
    file = tmp_path / "c.yaml"
    file.write_text("callbacks: [{class_path: a.B}, {class_path: c.D}]\n")
    tree = given.read([f"--config={file}", "--callbacks.k", "3"])
    assert tree["callbacks"] == [{"class_path": "a.B"}, {"class_path": "c.D", "init_args": {"k": "3"}}]


def test_a_file_stands_for_a_class(tmp_path: Path) -> None:
    file = tmp_path / "ascent.yaml"
    file.write_text("class_path: a.B\n")
    assert given.read([f"--method={file}"]) == {"method": {"class_path": "a.B"}}
    file.write_text("class_path: a.B\nclass_path: c.D\n")
    with pytest.raises(
        InputError, match=r"ascent.yaml', line 2: the key 'class_path' is given twice: keep one of them"
    ):
        given.check_configs([f"--method={file}"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fit"], "'fit' belongs to no flag"),
        (["--a", "1", "2"], "'2' after --a 1 belongs to no flag"),
        (["--a"], "--a needs a value"),
        (["--a", "--b", "1"], "--a needs a value"),
    ],
)
def test_stray_words(words: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        given.read(words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model:\n  slots: 3\n  slots: 4\n", "line 3: the key 'slots' is given twice: keep one of them"),
        ("model:\n\tslots: 3\n", "line 2: found character"),
        ("- a\n- b\n", r"holds \['a', 'b'\]: it must hold keys and values"),
        ("", "is empty: it must hold keys and values"),
        ("3: 4\n", "keys that are no text"),
        ("model: {slots: 3\n", "line 2: expected"),
    ],
)
def test_configs_that_cannot_be_meant(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        given.check_configs(["--config", str(file)])


def test_files_that_are_no_configs(tmp_path: Path) -> None:
    for path, said in (("nowhere.yaml", "does not exist"), (str(tmp_path), "is a folder")):
        with pytest.raises(InputError, match=said):
            given.config(path)
    (tmp_path / "c.yaml").write_bytes(b"\x80\x02")
    with pytest.raises(InputError, match="no text in UTF-8"):
        given.config(str(tmp_path / "c.yaml"))
    assert given.config("model: {slots: 3}") == {"model": {"slots": 3}}
