import numpy as np
import pandas as pd
import torch
from PIL import Image

from callbacks.tracking.gallery import enlarged, gallery, pixels, representatives
from report.gallery.images import change_pixels, change_scale


def table(source: list[int], target: list[int], status: list[str]) -> pd.DataFrame:
    n = len(source)
    return pd.DataFrame(
        {
            "index": range(n),
            "source": source,
            "target": target,
            "status": status,
            "confidence": [0.9] * (n - 1) + [float("nan")],
            "oracle_svm": target,
            "control_oracle_svm": source,
            "dombrowski_oracle_svm": source,
        }
    )


def test_rare_statuses_and_pairs_are_shown() -> None:
    flipped = ["flipped"] * 100
    rows = table([0] * 100 + [0, 1, 1], [1] * 100 + [1, 0, 0], [*flipped, "timeout", "flipped", "failed"])
    assert representatives(rows, 4) == [0, 100, 101, 102], "both pairs and all three statuses"
    assert representatives(rows, 3) == [0, 100, 102], "the statuses first where there is no room for all"
    assert representatives(rows, 6) == [0, 1, 2, 100, 101, 102]
    assert representatives(rows, 200) == list(range(103)) and representatives(rows, 0) == []


def test_rows_and_pictures_are_those_of_the_search() -> None:
    rows = table([0, 1, 0], [1, 0, 1], ["flipped", "flipped", "timeout"])
    own, control = torch.rand(3, 1, 8, 8), torch.rand(3, 1, 8, 8)
    tensors = {"x": torch.rand(3, 1, 8, 8), "counterfactual": own, "control_counterfactual": control}
    shown = gallery(rows, tensors, ["cat", "dog"], 2)
    found = [dict(zip(shown.columns, row, strict=True)) for row in shown.data]
    assert [r["index"] for r in found] == [0, 2] and [r["source"] for r in found] == ["cat", "cat"]
    assert [r["status"] for r in found] == ["flipped", "timeout"] and [r["confidence"] for r in found] == [0.9, None]
    assert [r["oracle_svm"] for r in found] == ["dog", "dog"] and [r["control_oracle_svm"] for r in found] == [
        "cat"
    ] * 2
    assert "dombrowski_oracle_svm" not in shown.columns
    change = own - tensors["x"]
    scale = change_scale(change[[0, 2]])
    for row, i in zip(found, (0, 2), strict=True):
        for name, image in (("x", tensors["x"]), ("x′", own), ("control", control)):
            assert np.array_equal(np.array(row[name].image)[::14, ::14], pixels(image[i])), name
        assert np.array_equal(np.array(row["change"].image)[::14, ::14], change_pixels(change[i], scale))


def test_points_and_values_have_no_pictures() -> None:
    rows = (
        table([0, 1], [1, 0], ["flipped", "failed"])
        .assign(source=[0.25, 0.5])
        .drop(columns="certificate", errors="ignore")
    )
    shown = gallery(rows, {"x": torch.rand(2, 3), "counterfactual": torch.rand(2, 3)}, [], 5)
    assert (
        shown.columns[:3] == ["index", "source", "target"] and shown.data[0][1] == "0.25" and "x" not in shown.columns
    )


def test_small_images_are_enlarged_and_large_ones_left_alone() -> None:
    image = np.arange(28 * 20, dtype=np.uint8).reshape(28, 20)
    large = enlarged(image)
    assert large.shape == (112, 80) and np.array_equal(large[3::4, 3::4], image)
    assert (
        enlarged(np.zeros((64, 64, 3), np.uint8)).shape
        == enlarged(np.zeros((64, 64, 3), np.uint8)).shape
        == (64, 64, 3)
    )
    assert Image.fromarray(pixels(torch.ones(1, 4, 4))).mode == "L" and pixels(torch.ones(1, 4, 4)).min() == 255
