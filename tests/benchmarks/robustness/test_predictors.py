"""Every kind of predictor on real images, from the command line and from a notebook."""

from pathlib import Path

import pytest

from benchmarks.robustness import predictors

#: kinds that no search can be made with, and a part of their sentence
REFUSED = {
    "own, tuple": "several tensors",
    "own, without gradients": "without a gradient",
    "own, numpy": "it returned a ndarray",
    "ONNX": "torch.export.save",
    "file of weights": "networks.TimmModel or networks.Adapter",
    "own, one value, with AtLeast": "use ReachClass",
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {name: rest for name, *rest in predictors.table(tmp_path)}
    assert len(rows) == 23 and rows.keys() > REFUSED.keys()
    for name, (there, notebook, said) in rows.items():
        if name in REFUSED:
            assert there == "refused" and REFUSED[name] in said, (name, said)
            continue
        flipped, agreement = there.split(", ")
        assert notebook == flipped and int(flipped.split()[0]) > 0, (name, there, notebook)
        assert int(agreement.removesuffix("%")) > 80 or name == "own, swapped", (name, there)
    assert (
        rows["own, swapped"][0].endswith("0%") and "In the order nine, four it would agree" in rows["own, swapped"][2]
    )
