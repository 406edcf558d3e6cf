"""Whether one counterfactual may be believed, and why not."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from metrics.oracle import HALF_WAY, share_of_way
from metrics.samples import ALREADY_TARGET, FEW, FLIPPED, is_classes

GREEN, AMBER, RED = "green", "amber", "red"
SEPARATOR = "; "  # between a row's reasons


class Thresholds(NamedTuple):
    """When a counterfactual is not believed.

    Attributes:
        off_manifold: p-value (``Calibration``) at which it is off the manifold: so many of real samples are, give
            or take what a few hundred held-out samples can tell, so that it hardly ever is one in twenty.
        borderline: p-value at which that is not certain.
        reconstruction: root mean square of decode(encode(x′)) − x′ that is allowed, in units of x.
    """

    off_manifold: float = 0.04
    borderline: float = 0.1
    reconstruction: float = 0.05


def certify(
    table: pd.DataFrame,
    prefix: str,
    thresholds: Thresholds = Thresholds(),  # noqa: B008
    able: bool = True,
) -> pd.DataFrame:
    """The columns ``certificate`` and ``certificate_reasons`` of one result, with its prefix.

    - **red**: no counterfactual (the search ended otherwise), or one off the data manifold.
    - **amber**: on the manifold, but borderline, or an oracle disagrees or says NaN, or the chart does not give it
      back. Where targets are values an oracle agrees that sees x′ go at least half of the way. Or there were too few
      real samples to call anything off the manifold: what cannot fail proves nothing.
    - **green**: none of that.

    Rows that nothing was searched for have "".

    Args:
        table: columns ``status``, ``target``, ``p_manifold``, ``chart_error`` and any ``oracle_NAME``; where targets
            are values also ``source`` and ``source_oracle_NAME``.
        prefix: "" for the chart's columns, "control_" for the control's.
        able: whether any p-value could have been at or below ``off_manifold``.
    """
    of = lambda name: table[prefix + name]  # noqa: E731
    p, error, flipped = of("p_manifold"), of("chart_error"), of("status") == FLIPPED
    red = {
        "no counterfactual: ": ~flipped,
        "off the data manifold": flipped & ~(p > thresholds.off_manifold),
    }
    amber = {
        FEW: flipped & (not able),
        "at the edge of the data manifold": (p > thresholds.off_manifold) & (p <= thresholds.borderline),
        "the chart does not give it back": ~(error <= thresholds.reconstruction),
        **{f"{name} disagrees": _disagrees(table, name, prefix) for name in oracle_names(table, prefix)},
        **{f"{name} gives no answer": _silent(table, name, prefix) for name in oracle_names(table, prefix)},
    }
    colour = np.select([np.any([*red.values()], axis=0), np.any([*amber.values()], axis=0)], [RED, AMBER], GREEN)
    searched = (of("status") != ALREADY_TARGET).to_numpy()
    reasons = [
        SEPARATOR.join(reason + (status if reason.endswith(": ") else "") for reason, holds in found if holds)
        for status, *held in zip(of("status"), *red.values(), *amber.values(), strict=True)
        for found in [list(zip([*red, *amber], held, strict=True))]
    ]
    return pd.DataFrame(
        {
            f"{prefix}certificate": np.where(searched, colour, ""),
            f"{prefix}certificate_reasons": np.where(searched, reasons, ""),
        },
        index=table.index,
    )


def _disagrees(table: pd.DataFrame, oracle: str, prefix: str) -> pd.Series:
    if is_classes(table["target"]):
        agrees = table[f"{prefix}oracle_{oracle}"] == table["target"]
    else:
        agrees = share_of_way(table, oracle, prefix) >= HALF_WAY
    return ~agrees & ~_silent(table, oracle, prefix)


def _silent(table: pd.DataFrame, oracle: str, prefix: str) -> pd.Series:
    """Where it says NaN of x′, or of x where its value for that is needed."""
    silent = table[f"{prefix}oracle_{oracle}"].isna()
    return silent if is_classes(table["target"]) else silent | table[f"source_oracle_{oracle}"].isna()


def oracle_names(table: pd.DataFrame, prefix: str) -> list[str]:
    """Of the oracles that judged a result."""
    head = f"{prefix}oracle_"
    return [str(c).removeprefix(head) for c in table.columns if str(c).startswith(head)]
