"""The examples do what they say, and what the notebook shows was measured."""

import importlib.util
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import torch
from PIL import Image

from counterfactuals import Counterfactuals
from tests.support.runs import ROOT

NOTEBOOK = ROOT / "examples" / "first_steps.ipynb"
CELLS = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(autouse=True)
def lightning_says_no_less_afterwards() -> Iterator[None]:
    """The examples quieten it."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    yield
    logger.setLevel(level)


def test_first_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for cell in CELLS:
        exec("".join(cell["source"]), names)
    cf, control, agreement, off = (names[name] for name in ("cf", "control", "agreement", "off_manifold"))
    assert cf.flipped.float().mean() > 0.9 and control.flipped.float().mean() > 0.9
    says_nine = agreement["the oracle says 9"]
    assert says_nine["x, untouched"] < 0.1, "the base rate"
    assert says_nine["x′, on the flow"] > 0.2 + max(says_nine["matched control"], says_nine["paper's control"])
    change = agreement["change (median L2)"]
    assert change["x′, on the flow"] > max(change["matched control"], change["paper's control"]), "as the text says"
    assert off["x, untouched"] < 0.3 and off["x′, on the flow"] < 0.5 and off["matched control"] > 0.8
    pd.testing.assert_series_equal(names["table"]["l2_x"], cf.to_frame()["l2_x"], rtol=1e-3)  # the same searches
    kept = Counterfactuals.load("runs/first_steps/fours_to_nines.safetensors")
    assert torch.equal(kept.counterfactual, cf.counterfactual)


def test_the_notebook_is_committed_as_it_ran() -> None:
    assert [cell["execution_count"] for cell in CELLS] == [*range(1, len(CELLS) + 1)]
    outputs = [output for cell in CELLS for output in cell["outputs"]]
    assert not [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 4, "samples, counterfactuals, the control's, and the strangest"
    tables = [o for o in outputs if "text/html" in o.get("data", {})]
    assert len(tables) == 4, "counterfactuals, agreement, certificates, the frame"
    text = NOTEBOOK.read_text()
    assert len(text.encode()) < 400_000 and not re.search(r"/(home|root|tmp|Users)/|site-packages|\w:\\\\", text)


@pytest.fixture
def own_model() -> ModuleType:
    spec = importlib.util.spec_from_file_location("own_model", ROOT / "examples" / "own_model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_own_models(own_model: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("transformers")
    own_model.main(["--epochs=1", "--images=2", "--steps=5", f"--figure={tmp_path / 'new' / 'own.png'}"])
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(" right on ")[0].strip() for line in said[:4]] == list(own_model.MODELS)
    assert all(re.search(r"\d% of the test images; [0-2] of 2 flipped; \d+ s to train", line) for line in said[:4])
    height, width = Image.open(tmp_path / "new" / "own.png").size[::-1]
    assert height > 2 * width, "two rows of four models"


def test_hugging_face_s_library_may_be_missing(
    own_model: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(own_model, "find_spec", lambda name: None)
    monkeypatch.setattr(own_model, "MODELS", {"Hugging Face": None, "nn.Module": own_model.plain})
    own_model.main(["--epochs=1", "--images=2", "--steps=5", f"--figure={tmp_path / 'own.png'}"])
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Hugging Face is left out: pip install") and said[1].startswith("nn.Module")
