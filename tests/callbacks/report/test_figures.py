import numpy as np

from callbacks.report.figures import spectrum_plot, steps_histogram


def test_inline_svg() -> None:
    for svg in (
        steps_histogram(np.array([1, 5, 9]), np.array([100])),
        steps_histogram(np.array([]), None),
        spectrum_plot([1, 2, 3], [2.0, 0.1, 0.01]),
        spectrum_plot([1, 2, 783, 784], [2.0, 1.0, 0.1, 0.01]),
    ):
        assert svg.startswith("<svg") and svg.rstrip().endswith("</svg>")
