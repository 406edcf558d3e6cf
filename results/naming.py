"""How the results of one run are told apart: "" is the chart's, "control" the pixel control's.

``paper_control`` is a second control, which stops as soon as the objective is reached, as published ones do.
"""

import math

CONTROLS = ("control", "paper_control")


def column(result: str, name: str) -> str:
    """Column of the table: ``l2_x``, ``control_l2_x``."""
    return f"{result}_{name}" if result else name


def scalar(result: str, name: str) -> str:
    """Key of a logged number and of the flat summary: ``fid``, ``control/fid``."""
    return f"{result}/{name}" if result else name


def class_name(names: list[str], value: float) -> str:
    """Of a class; the value where there are no classes; "–" for NaN, which is no answer."""
    if math.isnan(value):
        return "–"
    return names[int(value)] if names else f"{value:.4g}"
