import shutil
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from datamodules import CheXpert
from networks.errors import InputError
from tests.support.trees import edit, write_chexpert

SPLITS: tuple[Literal["train", "val", "test"], ...] = ("train", "val", "test")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_chexpert(tmp_path)


def patients(data: CheXpert) -> list[set[str]]:
    return [{file.parts[-3] for file in data.split(name).files} for name in SPLITS]


def test_frontal_views_in_grey(root: Path) -> None:
    data = CheXpert(str(root), size=16, val_fraction=0.25)
    assert data.class_names == ["not Cardiomegaly", "Cardiomegaly"] and data.shape == (1, 16, 16)
    assert [len(data.split(name)) for name in SPLITS] == [60, 20, 16]
    assert {file.name for name in SPLITS for file in data.split(name).files} == {"view1_frontal.jpg"}
    batch = next(iter(data.test_dataloader()))
    assert batch["x"].shape == (16, 1, 16, 16) and batch["x"].min() >= 0 and batch["x"].max() <= 1
    assert torch.equal((batch["x"].mean((1, 2, 3)) > 0.5).long(), batch["y"]) and batch["y"].sum() == 8


def test_root_may_be_the_folder_itself(root: Path) -> None:
    whole, inner = CheXpert(str(root)), CheXpert(str(root / "CheXpert-v1.0-small"))
    assert whole.split("val").files == inner.split("val").files


@pytest.mark.parametrize(("uncertain", "counts"), [("zeros", [45, 15]), ("ones", [30, 30]), ("ignore", [30, 15])])
def test_uncertain_labels(root: Path, uncertain: Any, counts: list[int]) -> None:
    train = CheXpert(str(root), uncertain=uncertain, val_fraction=0.25).split("train")
    assert train.y.bincount().tolist() == counts
    studies = dict(zip([file.parts[-2] for file in train.files], train.y.tolist(), strict=True))
    expected = {"study1": 1, "study2": 0, "study3": {"zeros": 0, "ones": 1}.get(uncertain), "study4": 0}
    assert studies == {study: y for study, y in expected.items() if y is not None}


def test_no_patient_is_in_two_splits(root: Path) -> None:
    parts = patients(CheXpert(str(root), val_fraction=0.25))
    assert [len(part) for part in parts] == [15, 5, 8] and len(set.union(*parts)) == 28
    assert patients(CheXpert(str(root), val_fraction=0.25, uncertain="ignore")) == parts
    assert patients(CheXpert(str(root), val_fraction=0.25, seed=1)) != parts


def test_what_is_configured_is_checked_at_once(root: Path) -> None:
    wrong: Any = "maybe"
    with pytest.raises(InputError) as error:
        CheXpert(str(root), finding="Cold", uncertain=wrong, val_fraction=1.0).split("train")
    message = str(error.value)
    assert "unknown finding 'Cold': choose one of No Finding, " in message and "Support Devices" in message
    assert "uncertain must be one of zeros, ones, ignore; got 'maybe'" in message
    assert "val_fraction must be between 0 and 1; got 1.0" in message


@pytest.mark.parametrize("name", ["train.csv", "valid.csv"])
def test_what_is_missing_and_where_to_get_it(root: Path, name: str) -> None:
    (root / "CheXpert-v1.0-small" / name).unlink()
    with pytest.raises(InputError, match=rf"no '.*{name}': pass --data.root .*stanfordmlgroup.github.io"):
        CheXpert(str(root)).split("train")


def test_missing_images(root: Path) -> None:
    folder = root / "CheXpert-v1.0-small"
    shutil.rmtree(folder / "valid" / "patient64542")
    (folder / "valid" / "patient64541" / "study2" / "view1_frontal.jpg").unlink()
    with pytest.raises(InputError, match=r"missing: 3 of the 96 listed images, first '.*64541/study2/view1"):
        CheXpert(str(root)).split("train")


@pytest.mark.parametrize("text", ["", "\n"])
def test_empty_file(root: Path, text: str) -> None:
    (root / "CheXpert-v1.0-small" / "valid.csv").write_text(text)
    with pytest.raises(InputError, match=r"valid.csv cannot be read as a CSV file: fetch it again"):
        CheXpert(str(root)).split("train")


def test_header_alone(root: Path) -> None:
    file = root / "CheXpert-v1.0-small" / "train.csv"
    file.write_text(file.read_text().splitlines()[0])
    with pytest.raises(InputError, match=r"train.csv lists no image"):
        CheXpert(str(root)).split("train")


@pytest.mark.parametrize("column", ["Path", "Frontal/Lateral", "Cardiomegaly"])
def test_missing_column(root: Path, column: str) -> None:
    edit(root / "CheXpert-v1.0-small" / "train.csv", f"{column},", "Other,")
    with pytest.raises(InputError, match=rf"train.csv has no column '{column}'"):
        CheXpert(str(root)).split("train")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("patient00003/study2/view1_frontal.jpg,Female,68,Frontal,AP,,,0.0", "x/patient00003/y,,,Frontal,,,,yes"),
        ("patient00003/study2/view1_frontal.jpg,Female", "somebody/study2/view1_frontal.jpg,Female"),
    ],
)
def test_malformed_line(root: Path, old: str, new: str) -> None:
    edit(root / "CheXpert-v1.0-small" / "train.csv", old, new)
    with pytest.raises(InputError, match=r"train.csv, line 14: expected a path with patientNNNNN, and 1, 0, -1 or not"):
        CheXpert(str(root)).split("train")


def test_patient_in_both_files(root: Path) -> None:
    edit(root / "CheXpert-v1.0-small" / "train.csv", "patient00003/study2/", "patient64541/study2/")
    with pytest.raises(
        InputError, match=r"train.csv and valid.csv in .* share 1 of their patients, first patient64541"
    ):
        CheXpert(str(root)).split("train")


def test_finding_that_nobody_has(root: Path) -> None:
    with pytest.raises(InputError, match="images of the train split is 'Fracture': every split needs every class"):
        CheXpert(str(root), finding="Fracture").split("train")


def test_the_full_version(root: Path) -> None:
    folder = root / "CheXpert-v1.0"
    (root / "CheXpert-v1.0-small").rename(folder)
    for name in ("train.csv", "valid.csv"):
        file = folder / name
        file.write_text(file.read_text().replace("CheXpert-v1.0-small/", "CheXpert-v1.0/"))
    assert [len(CheXpert(str(place), val_fraction=0.25).split("train")) for place in (root, folder)] == [60, 60]


def test_views_in_other_case(root: Path) -> None:
    file = root / "CheXpert-v1.0-small" / "train.csv"
    file.write_text(file.read_text().replace(",Frontal,", ",frontal ,"))
    assert len(CheXpert(str(root), val_fraction=0.25).split("train")) == 60
    file.write_text(file.read_text().replace(",frontal ,", ",,"))
    with pytest.raises(
        InputError, match=r"lists no frontal image: Frontal/Lateral holds '', 'lateral', never 'Frontal'"
    ):
        CheXpert(str(root)).split("train")


def test_an_image_that_is_listed_twice(root: Path) -> None:
    file = root / "CheXpert-v1.0-small" / "train.csv"
    line = next(row for row in file.read_text().splitlines() if "patient00002/study2" in row)
    file.write_text(f"{file.read_text()}{line}\n")
    assert len(CheXpert(str(root), val_fraction=0.25).split("train")) == 60
    file.write_text(f"{file.read_text()}{line.replace(',0.0,', ',1.0,')}\n")
    with pytest.raises(
        InputError, match=r"patient00002/study2/view1_frontal.jpg' 2 times, with the labels 0, 1 for Card"
    ):
        CheXpert(str(root)).split("train")
