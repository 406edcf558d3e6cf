from pathlib import Path

import numpy as np

from report.figures.plots import INK, inline_svg, save, spectrum_plot, steps_histogram


def test_inline_svg() -> None:
    for figure in (
        steps_histogram({"": np.array([1, 5, 9]), "control": np.array([100])}),
        steps_histogram({"": np.array([])}),
        spectrum_plot([1, 2, 3], [2.0, 0.1, 0.01]),
        spectrum_plot([1, 2, 783, 784], [2.0, 1.0, 0.1, 0.01]),
    ):
        svg = inline_svg(figure)
        assert svg.startswith("<svg") and svg.rstrip().endswith("</svg>")
        assert "currentColor" in svg and INK not in svg


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        save(spectrum_plot([1, 2, 3], [2.0, 0.1, 0.01]), tmp_path / name, "spectrum")
        files.append([(tmp_path / name / f"spectrum.{kind}").read_bytes() for kind in ("png", "pdf")])
    assert files[0] == files[1] and b"CreationDate" not in files[0][1]
