"""Which values, of which rows, every number of a result is made of."""

from typing import NamedTuple

import pandas as pd

from metrics.oracle import oracles_in, share_of_way, votes

#: status names as they stand in the table
FLIPPED, ALREADY_TARGET, FAILED = "flipped", "already_target", "failed"

#: a certificate's reason where nothing could have been called off the manifold
FEW = "too few real samples to judge by"

#: columns that all results have in common
SHARED = ("index", "label", "source", "target")

#: columns of values in [0, 1], of which the mean over flipped rows is a share
SHARES = ("changed", "neighbours", "recognised", "log_q", "z_norm", "tangent_share", "relaxation", "heads_agree")

#: columns of which the summary holds the mean over flipped rows
MEANS = (
    "confidence",
    "l1_x",
    "l2_x",
    "l2_x_class",
    "ssim",
    "feature_distance",
    "margin",
    "logit_margin",
    "cout",
    "im1",
    "im2",
    "grain",
    "label_variation",
    "attributes_changed",
    "lpips",
    *(f"{name}_{kind}" for name in ("attribution", "refined") for kind in ("rank", "overlap")),
    *(f"{name}{kind}" for name in ("", "refined_", "change_") for kind in ("deletion", "insertion")),
)

#: columns without an upper bound, of which one x′ outside of what the chart knows would be the mean: the median
MEDIANS = ("l2_z", "l2_z_class", "off_axis", "chart_error", "nonconformity")


class Samples(NamedTuple):
    """Name of a number in the summary → its values, of the rows that it is about; NaN where a row has none.

    Attributes:
        shares: in [0, 1], averaged.
        means: averaged.
        medians: of which the median is taken.
        differences: two columns of 0 and 1 of the same rows; the share of the first less that of the second.
    """

    shares: dict[str, pd.Series]
    means: dict[str, pd.Series]
    medians: dict[str, pd.Series]
    differences: dict[str, tuple[pd.Series, pd.Series]]


def of_result(table: pd.DataFrame, prefix: str = "") -> pd.DataFrame:
    """One result's columns without their prefix, beside those that all results share; see ``summarize``."""
    if not prefix:
        return table
    shared = [c for c in table.columns if c in SHARED or str(c).startswith("source_oracle_")]
    own = table[[*shared, *(c for c in table.columns if str(c).startswith(prefix))]]
    return own.rename(columns=lambda c: str(c).removeprefix(prefix))


def samples(table: pd.DataFrame, prefix: str = "") -> Samples:
    """Of one result: rates over the rows that were searched, what judges counterfactuals over those that flipped.

    What is said of the originals alone, whatever result they began, stands with the chart's. See ``summarize``.
    """
    own = of_result(table, prefix)
    searched = own[own.status != ALREADY_TARGET].copy()  # in one piece: the table has grown column by column
    flipped = searched[searched.status == FLIPPED]
    found = Samples(
        shares={"flip_rate": (searched.status == FLIPPED).astype(float), **_columns(flipped, SHARES)},
        means={
            "reconstruction_error": own.reconstruction_error,
            "seconds_per_sample": searched.seconds,
            **_columns(searched, ("decodes",)),
            **_columns(flipped, MEANS),
            **{str(c): flipped[c] for c in flipped if str(c).startswith("label_variation_")},
        },
        medians={"median_steps": _steps(flipped), **_columns(flipped, MEDIANS)},
        differences={},
    )
    if "matched" in searched:
        found.shares["matched"] = searched.matched.astype(float)
    if "distance" in flipped:
        found.medians["median_distance"] = flipped.distance
    if "certificate" in flipped:
        found.shares["certified"] = (searched.certificate == "green").astype(float)
        reasons = flipped.certificate_reasons.astype(str)
        on = (~reasons.str.contains("off the data manifold")).astype(float)
        found.shares["on_manifold"] = on.where(~reasons.str.contains(FEW))  # nothing could have been off it
    if is_classes(searched.target):
        _add_classes(found, searched)
        if not prefix and "label" in own and "index" in own:
            found.shares.update(of_originals(own.drop_duplicates("index")))
    else:
        if "neighbours" in found.shares:  # of values it is what they are on average
            found.means["neighbours"] = found.shares.pop("neighbours")
        found.means.update({f"oracle_share/{name}": share_of_way(flipped, name) for name in oracles_in(flipped)})
    return found


def _add_classes(found: Samples, searched: pd.DataFrame) -> None:
    """What is said of classes: by the model, whatever was asked of it, and by oracles, of x′ and of x."""
    p = searched["probability"] if "probability" in searched else searched["confidence"]
    found.shares["flip_rate_half"] = (p > 0.5).astype(float)
    said, flips = votes(searched), searched.status == FLIPPED
    for name in said.counterfactual:
        found.shares[f"oracle_accuracy/{name}"] = said.counterfactual[name][flips]
        reached = said.counterfactual[name].where(flips, 0.0)  # a search that did not arrive convinces nobody
        found.shares[f"oracle_accuracy_searched/{name}"] = reached
        if name in said.original:
            found.shares[f"oracle_base/{name}"] = said.original[name]
            found.differences[f"oracle_gain/{name}"] = reached, said.original[name]
        if name in said.reconstruction:
            found.shares[f"oracle_reconstruction/{name}"] = said.reconstruction[name]


def of_originals(originals: pd.DataFrame) -> dict[str, pd.Series]:
    """What model and oracles are worth on the explained originals, each counted once."""
    said = {"label_agreement": originals.source}
    said |= {f"oracle_own_accuracy/{name}": originals[f"source_oracle_{name}"] for name in _judged(originals)}
    return {name: (of == originals.label).astype(float).where(of.notna()) for name, of in said.items()}


def _judged(table: pd.DataFrame) -> list[str]:
    return [name for name in oracles_in(table) if f"source_oracle_{name}" in table]


def _columns(rows: pd.DataFrame, names: tuple[str, ...]) -> dict[str, pd.Series]:
    return {name: rows[name] for name in names if name in rows}


def _steps(flipped: pd.DataFrame) -> pd.Series:
    """Until the first hit; tables from before that was kept have all steps, those after the hit included."""
    if "first_hit" not in flipped:
        return flipped.steps
    return flipped.first_hit.where(flipped.first_hit >= 0)


def is_classes(target: pd.Series) -> bool:
    """Whether targets are classes; otherwise they are values."""
    return pd.api.types.is_integer_dtype(target)
