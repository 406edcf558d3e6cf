"""What the numbers of a run are called, how they are written, and what they say."""

#: key of summary.json or column → label, format, meaning; "n" and provenance are shown elsewhere
MEANINGS = {
    "label_agreement": (
        "agrees with labels",
        "{:.1%}",
        "explained samples of which the model says what their label says, before any search",
    ),
    "flip_rate": (
        "flip rate",
        "{:.1%}",
        "searches that reached the target: the class with the confidence asked for, or the value",
    ),
    "flip_rate_half": (
        "flip rate at ½",
        "{:.1%}",
        "searches whose result the model gives the target class with p > 0.5, whatever they had to reach",
    ),
    "oracle_accuracy": (
        "oracle accuracy",
        "{:.1%}",
        "flipped ones that a model unseen by the search also gives the target class: read it beside the next rows",
    ),
    "oracle_accuracy_searched": (
        "oracle agrees, of all searches",
        "{:.1%}",
        "of all searches, those that flipped and that the oracle agrees with: a search that failed convinces nobody",
    ),
    "oracle_base": (
        "oracle's base rate",
        "{:.1%}",
        "of all searches, those whose untouched original the oracle gives the target: no merit of the search",
    ),
    "oracle_reconstruction": (
        "base rate of reconstructions",
        "{:.1%}",
        "the same of what the chart gives back of the original, before any step",
    ),
    "oracle_gain": (
        "oracle's gain",
        "{:+.1%}",
        "agreement of all searches less the base rate of the same: what the search itself achieves",
    ),
    "oracle_share": (
        "oracle's share of the way",
        "{:.1%}",
        "of the way from x to the target value, what a model unseen by the search sees: 100 % is all of it",
    ),
    "certified": (
        "certified",
        "{:.1%}",
        "searches that end green: flipped, on the data manifold, and every oracle agrees: higher is better",
    ),
    "on_manifold": (
        "on the manifold",
        "{:.1%}",
        "flipped ones that the chart does not call off the data manifold; it calls 4 % of real images so",
    ),
    "margin": ("margin", "{:.3f}", "target's probability minus the next best class's: 1 is certain, 0 is a tie"),
    "logit_margin": (
        "logit margin",
        "{:.2f}",
        "target's logit less the next one's (for values: how far beyond the goal), to which a control is matched",
    ),
    "matched": (
        "reached that margin",
        "{:.1%}",
        "of the searches that are matched, those that came to the counterfactual's margin",
    ),
    "neighbours": (
        "neighbours",
        "{:.3f}",
        "share of the nearest real images that are of the target class (for values: their mean value)",
    ),
    "recognised": (
        "recognised",
        "{:.1%}",
        "more like their own original than like any other real image, whatever their brightness and contrast",
    ),
    "fid": (
        "FID",
        "{:.2f}",
        "distance to real images in the targets' mix, in an independent network's features; its interval is a bound",
    ),
    "fid_floor": (
        "FID of real images",
        "{:.2f}",
        "what as many held-out real images come to: the best there is to reach",
    ),
    "kid": (
        "KID",
        "{:.4f}",
        "kernel distance to real images in the targets' mix, unbiased for few samples; its interval is a bound",
    ),
    "kid_floor": ("KID of real images", "{:.4f}", "what as many held-out real images come to"),
    "spatial_fid": (
        "spatial FID",
        "{:.2f}",
        "the FID of features that keep their place, so that local artefacts count; its interval is a bound",
    ),
    "spatial_fid_floor": ("spatial FID of real images", "{:.2f}", "what as many held-out real images come to"),
    "p_manifold": (
        "p of the manifold",
        "{:.3f}",
        "calibrated p-value of “x′ is like a real image”: small values speak against it",
    ),
    "log_q": (
        "likelihood percentile",
        "{:.3f}",
        "share of held-out real images that the flow finds less likely than x′: near 0 is unlike any of them",
    ),
    "z_norm": (
        "‖z′‖ percentile",
        "{:.3f}",
        "share of held-out real images whose latents are nearer the chart's centre: 1 is farther out than any of them",
    ),
    "off_axis": (
        "off the axes",
        "{:.2f}",
        "median deviation in the latent coordinates in which real images vary least: real ones have about 0.7",
    ),
    "grain": (
        "grain",
        "{:.2f}",
        "log-odds that noise was added to the image, by how neighbouring pixels differ: below 0 for most real images",
    ),
    "chart_error": (
        "chart's error on x′",
        "{:.1e}",
        "median root mean square of decode(encode(x′)) − x′: large where x′ is off what the chart can draw",
    ),
    "tangent_share": (
        "tangent share",
        "{:.3f}",
        "share of the change that lies in the manifold's tangent space at x, between the two next rows",
    ),
    "tangent_share_random": ("tangent share of noise", "{:.3f}", "what a random direction has: the scale's bottom"),
    "tangent_share_real": (
        "tangent share of real steps",
        "{:.3f}",
        "what the way to another real image has, drawn by seed",
    ),
    "heads_agree": (
        "heads agree",
        "{:.3f}",
        "F1 of the heads that model and oracle locate in x′, to each other: 1 where they see the same",
    ),
    "im1": (
        "IM1",
        "{:.3f}",
        "error of the target class's autoencoder over that of the source class's: lower is better",
    ),
    "im2": (
        "IM2",
        "{:.4f}",
        "how differently the target class's and the general autoencoder draw x′, over its brightness: lower is better",
    ),
    "median_distance": (
        "distance to the manifold",
        "{:.4f}",
        "median distance to the known data manifold: lower is better",
    ),
    "l2_x": ("L2 in X", "{:.3f}", "mean ‖x′ − x‖₂ over all values of the image, in the input's own units"),
    "l1_x": ("L1 in X", "{:.2f}", "mean ‖x′ − x‖₁: the sum of |x′ − x| over all values of the image"),
    "changed": (
        "pixels changed",
        "{:.1%}",
        "share of the values (pixels, in colour their channels) that differ by more than 0.05",
    ),
    "ssim": ("SSIM", "{:.3f}", "mean structural similarity of x′ and x: 1 where nothing changes"),
    "feature_distance": (
        "distance in features",
        "{:.3f}",
        "distance of x′ and x in an independent network's features: what a viewer would notice",
    ),
    "lpips": (
        "LPIPS",
        "{:.3f}",
        "distance of x′ and x in a network's features, weighted as people judge: small where little is noticed",
    ),
    "l2_z": (
        "L2 in Z",
        "{:.3f}",
        "median ‖f(x′) − f(x)‖ in the chart's coordinates f: how far along (small) or off (large) the manifold",
    ),
    "cout": (
        "COUT",
        "{:.3f}",
        "how soon the class turns when the largest changes are made first: 1 at once, −1 never",
    ),
    "label_variation": (
        "label variation",
        "{:.3f}",
        "how much other attributes of the image change along with the one that should: lower is better",
    ),
    "attributes_changed": (
        "attributes changed",
        "{:.2f}",
        "other attributes of which a classifier changes its mind from x to x′: lower is better",
    ),
    "attribution_rank": (
        "attribution ~ change",
        "{:+.3f}",
        "rank correlation of where the model looks, |A|, and what had to change, |x′ − x|: 0 by chance",
    ),
    "attribution_overlap": (
        "attribution ∩ change",
        "{:.1%}",
        "of the tenth of the pixels that changed most, those that are in the tenth that |A| names: 10 % by chance",
    ),
    "refined_rank": ("refined ~ change", "{:+.3f}", "the same rank correlation of the refined attribution A ⊙ P"),
    "refined_overlap": ("refined ∩ change", "{:.1%}", "the same overlap of the refined attribution A ⊙ P"),
    "deletion": (
        "deletion, attribution",
        "{:.3f}",
        "mean probability of the old class as the pixels that A names are blurred away, the first first: low is good",
    ),
    "insertion": (
        "insertion, attribution",
        "{:.3f}",
        "mean probability of the old class as the pixels that A names come into a blurred image: high is good",
    ),
    "refined_deletion": ("deletion, refined", "{:.3f}", "the same as the pixels that A ⊙ P names are blurred away"),
    "refined_insertion": ("insertion, refined", "{:.3f}", "the same as the pixels that A ⊙ P names come"),
    "change_deletion": ("deletion, change", "{:.3f}", "the same as the pixels that changed most are blurred away"),
    "change_insertion": ("insertion, change", "{:.3f}", "the same as the pixels that changed most come"),
    "relaxation": (
        "r",
        "{:.2f}",
        "share of the posterior that was kept when the model changed its mind: 1 is all of it, 0 none below the top",
    ),
    "reconstruction_error": ("reconstruction error", "{:.1e}", "root mean square of decode(encode(x)) − x"),
    "median_steps": ("median steps", "{:.0f}", "gradient steps until the first hit"),
    "seconds_per_sample": ("seconds per sample", "{:.4f}", "wall time of one search, in its batch"),
    "decodes": ("decodes", "{:.1f}", "evaluations of the decoder a search, whatever its method calls a step"),
    "timeout": ("timeouts", "{:.0f}", "searches that ran out of steps; their best point is kept"),
    "failed": ("failed", "{:.0f}", "searches that met a number that is not finite"),
}

#: of the numbers, by what they are about; one that is in none stands alone
GROUPS = {
    "how the searches ended": ("flip_rate", "flip_rate_half", "certified", "timeout", "failed"),
    "what the explained model says": ("label_agreement", "margin", "logit_margin", "matched"),
    "what other models say": (
        *("oracle_accuracy", "oracle_accuracy_searched", "oracle_base", "oracle_reconstruction", "oracle_gain"),
        *("oracle_share", "heads_agree"),
    ),
    "like real ones?": (
        *("on_manifold", "p_manifold", "log_q", "z_norm", "off_axis", "grain", "chart_error"),
        *("neighbours", "recognised", "fid", "fid_floor", "kid", "kid_floor", "spatial_fid", "spatial_fid_floor"),
        *("im1", "im2", "tangent_share", "tangent_share_random", "tangent_share_real", "median_distance"),
    ),
    "how much changed": (
        *("l1_x", "l2_x", "changed", "ssim", "feature_distance", "lpips", "l2_z", "cout"),
        *("label_variation", "attributes_changed", "relaxation"),
    ),
    "where the model looks": (
        *("attribution_rank", "attribution_overlap", "refined_rank", "refined_overlap"),
        *("deletion", "insertion", "refined_deletion", "refined_insertion", "change_deletion", "change_insertion"),
    ),
    "what it cost": ("median_steps", "seconds_per_sample", "decodes", "reconstruction_error"),
}

#: columns that only the rows have → label, meaning
COLUMNS = {
    "confidence": ("confidence", "the objective's score of x′: the model's probability of the target, margin or value"),
    "probability": ("probability", "the model's probability of the target for x′"),
    "prediction": ("prediction", "the model's class for x′"),
    "steps": ("steps", "gradient steps, with those after the first hit"),
    "first_hit": ("first hit", "gradient steps until the objective was reached"),
    "seconds": ("seconds", "wall time of this search, in its batch"),
    "distance": ("distance to the manifold", "to the known data manifold"),
    "l2_x_class": ("L2 in X to the class", "mean distance of x′ to all originals of the source class"),
    "l2_z_class": ("L2 in Z to the class", "the same in the chart's coordinates"),
    "nonconformity": ("nonconformity", "how far its measurements lie beyond those of real images, added up"),
    "status": ("status", "how the search ended"),
    "certificate": ("certificate", "the verdict on this counterfactual"),
    "certificate_reasons": ("reasons", "what the certificate found"),
    "reason": ("reason", "why the search failed"),
}

#: what a confidence is where it is no probability → label, meaning; by the summary's ``confidence_is``
CONFIDENCES = {
    "logit margin": (
        "confidence: logit margin",
        "the target's logit for x′ less the largest other, as was searched for",
    ),
    "distance beyond the goal": (
        "beyond the goal",
        "how far the model's value for x′ lies beyond the goal; negative before",
    ),
}


def labels(confidence_is: str = "probability") -> dict[str, tuple[str, str]]:
    """Column → label and meaning, in the order in which a search's values are shown."""
    columns = {**COLUMNS, "confidence": CONFIDENCES.get(confidence_is, COLUMNS["confidence"])}
    first = {key: columns[key] for key in ("status", "confidence", "prediction", "steps", "first_hit")}
    return {**first, **{key: (label, meaning) for key, (label, _, meaning) in MEANINGS.items()}, **columns}
