"""CheXpert, the small version or the full one."""

import re
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from datamodules.base import LARGEST_SIZE, DataModule, Split, SplitName, seeded_split
from datamodules.folders.layouts import named
from datamodules.folders.listed import listed_splits, required
from networks.checks import seeds, whole
from networks.errors import InputError

FOLDERS = ("CheXpert-v1.0-small", "CheXpert-v1.0")
SOURCE = (
    f"pass --data.root with the unpacked {' or '.join(FOLDERS)}, or the folder that holds it; it holds train.csv, "
    "valid.csv and their images, from https://stanfordmlgroup.github.io/competitions/chexpert/"
)
FINDINGS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
#: what an uncertain label, −1, becomes; an image without a label is left out
UNCERTAIN = {"zeros": 0, "ones": 1, "ignore": None}


class CheXpert(DataModule):
    """X-rays of the chest in grey, with or without one of 14 findings.

    Views: frontal ones alone. In a lateral view the same finding looks different, and a flow would
    have to model two kinds of images.

    Labels: 1 is the finding, 0 its absence. A blank, where the report does not mention the finding,
    counts as its absence: most images are blank. −1, where the report is uncertain, becomes what
    ``uncertain`` says; which policy is best differs between findings (Irvin et al., 2019).

    Splits: the official ``valid.csv`` (202 frontal images, labelled by radiologists, none uncertain) is
    the test split. The validation split is drawn from ``train.csv`` by patient, since images of one
    patient look alike: no patient is in two splits. Neither the finding nor ``uncertain`` changes who
    is drawn, so models for several of them share the split.

    Images are resized (the shorter side) and centre-cropped. See ``DataModule`` for the common arguments.

    Args:
        root: ``CheXpert-v1.0-small`` or ``CheXpert-v1.0``, or the folder that holds one of them.
        finding: class 1 are the images that show it, class 0 those that do not; one of ``FINDINGS``.
        uncertain: an uncertain label becomes 0 ("zeros") or 1 ("ones"), or its image is left out ("ignore").
        size: height and width in pixels.
        val_fraction: share of the patients of ``train.csv`` in the validation split.
        seed: of that choice.

    Raises:
        InputError: an unknown finding or policy, files that are missing or malformed, or a split without
            one of the classes.
    """

    levels = 256

    def __init__(
        self,
        root: str = "data",
        finding: str = "Cardiomegaly",
        uncertain: Literal["zeros", "ones", "ignore"] = "zeros",
        size: int = 128,
        val_fraction: float = 0.05,
        seed: int = 0,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.shape, self.num_classes, self.class_names = (1, size, size), 2, [f"not {finding}", finding]
        InputError.collect(whole(1, LARGEST_SIZE, size=size) + seeds(seed=seed))
        self.root, self.finding, self.uncertain = Path(root), finding, uncertain
        self.val_fraction, self.seed = val_fraction, seed

    def load(self) -> dict[SplitName, Split]:
        InputError.collect(self._problems())
        places = [self.root, *(self.root / name for name in FOLDERS)]
        folder = next((place for place in places if (place / "train.csv").is_file()), self.root / FOLDERS[0])
        train, test = self._frontal(folder / "train.csv"), self._frontal(folder / "valid.csv")
        if shared := sorted(set(train.patient) & set(test.patient)):
            raise InputError(
                f"train.csv and valid.csv in {str(folder)!r} share {len(shared)} of their patients, first {shared[0]}: "
                "fetch both files again"
            )
        validates = train.patient.isin(self._val_patients(sorted(set(train.patient))))
        parts: dict[SplitName, pd.DataFrame] = {"train": train[~validates], "val": train[validates], "test": test}
        labels = {split: self._labels(table) for split, table in parts.items()}
        return listed_splits(labels, folder, self.shape, self.class_names, SOURCE)

    def _problems(self) -> list[str]:
        problems = []
        if self.finding not in FINDINGS:
            problems.append(f"unknown finding {self.finding!r}: choose one of {', '.join(FINDINGS)}")
        if self.uncertain not in UNCERTAIN:
            problems.append(f"uncertain must be one of {', '.join(UNCERTAIN)}; got {self.uncertain!r}")
        if not 0 < self.val_fraction < 1:
            problems.append(f"val_fraction must be between 0 and 1; got {self.val_fraction}")
        return problems

    def _frontal(self, file: Path) -> pd.DataFrame:
        """The table's frontal images: ``path`` below the folder, ``patient``, and ``label`` of 1, 0 or −1."""
        table = _read_csv(required(file, SOURCE), ["Path", "Frontal/Lateral", self.finding])
        label = pd.to_numeric(table[self.finding], errors="coerce")
        patient = table["Path"].str.extract(r"/(patient\d+)/", expand=False)
        wrong = table[self.finding].notna() & ~label.isin([1, 0, -1]) | patient.isna()
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise InputError(
                f"{file}, line {row + 2}: expected a path with patientNNNNN, and 1, 0, -1 or nothing for "
                f"{self.finding}; got {table['Path'][row]!r} and {table[self.finding][row]!r}: fetch the file again"
            )
        path = table["Path"].str.replace(f"^({'|'.join(map(re.escape, FOLDERS))})/", "", regex=True)
        images = pd.DataFrame({"path": path, "patient": patient, "label": label.fillna(0).astype(int)})
        view = table["Frontal/Lateral"].fillna("").astype(str).str.strip().str.lower()
        if not (view == "frontal").any():
            raise InputError(
                f"{file} lists no frontal image: Frontal/Lateral holds {named(sorted(set(view)))}, never 'Frontal'"
            )
        frontal = images[view == "frontal"].drop_duplicates()
        if (twice := frontal.path.duplicated(keep=False)).any():
            first = frontal[twice].path.iloc[0]
            labels = ", ".join(map(str, frontal.label[frontal.path == first]))
            raise InputError(
                f"{file} lists {first!r} {int((frontal.path == first).sum())} times, with the labels {labels} for "
                f"{self.finding}: remove all but one of its lines"
            )
        return frontal

    def _val_patients(self, patients: list[str]) -> list[str]:
        shares: dict[SplitName, float] = {"train": 1 - self.val_fraction, "val": self.val_fraction}
        return [patients[p] for p in seeded_split(len(patients), shares, self.seed)["val"].tolist()]

    def _labels(self, table: pd.DataFrame) -> dict[str, int]:
        """Class index of every image, by its path."""
        if (instead := UNCERTAIN[self.uncertain]) is None:
            table = table[table.label != -1]
        else:
            table = table.assign(label=table.label.replace(-1, instead))
        return dict(zip(table.path.tolist(), table.label.tolist(), strict=True))


def _read_csv(file: Path, columns: list[str]) -> pd.DataFrame:
    """Those columns, at least one row of them."""
    try:
        table = pd.read_csv(file, dtype={"Path": str})
    except ValueError as error:  # pandas' errors of an empty or broken file, and text that is no UTF-8
        raise InputError(f"{file} cannot be read as a CSV file: fetch it again ({error})") from error
    if absent := [column for column in columns if column not in table]:
        raise InputError(f"{file} has no column {' and '.join(map(repr, absent))}: fetch the file again")
    if table.empty:
        raise InputError(f"{file} lists no image: fetch the file again")
    return table[columns]
