"""Every shipped config, end to end on tiny settings."""

from pathlib import Path

import pandas as pd
import pytest

from tests.support.runs import ROOT, fit, run_explain
from tests.support.trees import (
    write_attribute_table,
    write_celeba,
    write_celeba_hq,
    write_chexpert,
    write_image_folder,
    write_mall,
    write_mnist,
)

#: configs in an order in which each finds the checkpoints of those before it
HELIX = ["helix/classifier.yaml", "helix/svm.yaml", "helix/oracle.yaml", "helix/flow.yaml", "helix/explain.yaml"]
MNIST = [
    f"mnist/{job}.yaml"
    for job in (
        "classifier",
        "svm",
        "oracle",
        "oracle_noise",
        "features",
        "autoencoders",
        "autoencoder",
        "vae",
        "vaex",
        "flow",
        "flow_matching",
        "realnvp",
        "dcgan",
        "dcgan_10",
        "dcgan_inverter",
        "dcgan_10_inverter",
        "explain_dcgan",
        "explain_dcgan_10",
        "attgan",
        "explain_4_to_9",
        "explain_4_to_9_continuous",
        "explain_vae",
        "explain_vaex",
        "explain_pairs",
        "compare",
        "invertible",
        "explain_closed_form",
        "explain_head_start",
    )
]
SHAPES = [f"shapes/{job}.yaml" for job in ("classifier", "invertible", "explain")]
FOLDER = [
    f"image_folder/{job}.yaml"
    for job in (
        "classifier",
        "oracle",
        "oracle_noise",
        "autoencoders",
        "flow",
        "flow_matching",
        "vae",
        "vaex",
        "glow",
        "glow_64",
        "glow_128",
        "gan",
        "gan_inverter",
        "attributes",
        "attgan",
        "explain",
        "explain_gan",
        "explain_attributes",
        "explain_vaex",
        "invertible",
        "explain_closed_form",
    )
]
DIGITS = [
    f"digits/{job}.yaml"
    for job in (
        "classifier",
        "svm",
        "oracle",
        "oracle_noise",
        "features",
        "autoencoders",
        "flow",
        "vaex",
        "explain",
        "explain_4_to_9",
        "explain_vaex",
        "compare",
        "invertible",
        "explain_closed_form",
    )
]
BINARIZED = [f"binarized_mnist/{job}.yaml" for job in ("vae", "vae_hf1", "vae_hf10")]
GAN_JOBS = (("", ""), ("", "_inverter"), ("explain_", ""))
JOBS = ("classifier", "svm", "oracle", "oracle_noise", "flow_matching", "explain")
FASHION = [f"fashion_mnist/{job}.yaml" for job in JOBS]
GANS = [f"{job}{gan}{after}" for gan in ("dcgan", "pgan", "stylegan2") for job, after in GAN_JOBS]
CELEBA = [f"celeba/{job}.yaml" for job in ("autoencoders", *JOBS, "vae", "flow", "compare", *GANS)]
CELEBA_MALE = [
    f"celeba_male/{job}.yaml" for job in ("classifier", "svm", "oracle", "oracle_noise", "vaex", "explain_vaex")
]
CELEBA_YOUNG = [
    f"celeba_young/{job}.yaml"
    for job in ("classifier", "svm", "oracle", "oracle_noise", "attributes", "attgan", "explain")
]
CELEBA_HQ = [f"celeba_hq/{job}.yaml" for job in JOBS]
CHEXPERT = [f"chexpert/{job}.yaml" for job in JOBS]
SCENES = [f"scenes/{job}.yaml" for job in ("regressor", "oracle", "cnn", "flow", "explain", "dose_response")]
MALL = [f"mall/{job}.yaml" for job in ("regressor", "oracle", "cnn", "flow", "flow_matching", "explain")]
ALL = {
    "helix": HELIX,
    "mnist": MNIST,
    "binarized_mnist": BINARIZED,
    "image_folder": FOLDER,
    "digits": DIGITS,
    "fashion_mnist": FASHION,
    "celeba": CELEBA,
    "celeba_male": CELEBA_MALE,
    "celeba_young": CELEBA_YOUNG,
    "celeba_hq": CELEBA_HQ,
    "chexpert": CHEXPERT,
    "scenes": SCENES,
    "shapes": SHAPES,
    "mall": MALL,
}
TINY_ASCENT = ["--model.method.init_args.max_steps=3"]
TINY_RETURN = ["--model.method.init_args.ascent.init_args.max_steps=3", "--model.method.init_args.steps=2"]
TINY_BISECTION = ["--model.method.init_args.rounds=1", "--model.method.init_args.steps=3"]
TINY_RELAXATION = ["--model.method.init_args.rounds=1"]  # has no steps to limit
TINY_SEARCH = [
    "--model.control.init_args.max_steps=3",
    "--model.paper_control.init_args.max_steps=3",
    "--model.slots=6",
    "--data.predict_limit=6",
]
TINY_OTHERS = [
    "--model.others.dombrowski.init_args.max_steps=3",
    "--model.others.joshi.init_args.max_steps=3",
    "--model.others.liu.init_args.steps=3",
    "--model.others.zhao.init_args.max_steps=3",
    "--model.others.looveren.init_args.steps=3",
]
FLOW = "--model.init_args.flow.init_args"
VELOCITY = f"{FLOW}.velocity.init_args"
GAN_PARTS = ("generator", "discriminator")
#: an untrained regressor says about 0 of every image: all are few, and searched from
SEARCH_VALUES = {
    "scenes/explain.yaml": {"few": 9, "many": 9.5},
    "mall/explain.yaml": {"few": 1, "many": 1.8, "high": 1.9},  # no tile of the tiny frames has more than two
}
TINY_NETWORK = ["--model.init_args.network.init_args.widths=[4,4]"]
#: of data sets whose defaults are larger than a test
TINY_DATA = {
    **{key: ["--data.n_val=20"] for key in ("mnist", "binarized_mnist", "fashion_mnist")},
    **{key: ["--data.n_train=64", "--data.n_val=32", "--data.n_test=32"] for key in ("scenes", "shapes")},
    "mall": ["--data.tile=32", "--data.gap=1"],
}
#: the papers' sizes, made small
TINIER = {
    **{f"{name}/{job}.yaml": TINY_NETWORK for name in ("scenes", "mall") for job in ("regressor", "oracle", "cnn")},
    **{
        f"{name}/{job}.yaml": TINY_NETWORK
        for name in (
            "mnist",
            "image_folder",
            "fashion_mnist",
            "celeba",
            "celeba_male",
            "celeba_young",
            "celeba_hq",
            "chexpert",
        )
        for job in ("classifier", "oracle", "oracle_noise", "features", "attributes")
    },
    **{
        name: [f"--model.target.init_args.{key}={value}" for key, value in numbers.items()]
        + ["--model.objective.init_args.middle=1"]
        for name, numbers in SEARCH_VALUES.items()
    },
    "scenes/flow.yaml": ["--data.batch_size=4", f"{FLOW}.num_steps=1"],
    **{
        f"{name}/flow.yaml": ["--data.batch_size=2", f"{FLOW}.num_steps=1", f"{FLOW}.subnet.init_args.width=8"]
        for name in ("celeba", "mall")
    },
    **{f"{name}/compare.yaml": TINY_OTHERS for name in ("digits", "mnist", "celeba")},
    **{
        f"{name}/explain_vaex.yaml": ["--model.others.ascent.init_args.max_steps=3"]
        for name in ("digits", "mnist", "image_folder", "celeba_male")
    },
    "mnist/explain_vae.yaml": ["--model.others.looveren.init_args.steps=3"],
    "image_folder/flow_matching.yaml": [f"{VELOCITY}.patch=4"],  # widths are left to the machine
    **{
        f"{name}/flow_matching.yaml": [f"{VELOCITY}.widths=[4]", f"{VELOCITY}.patch=4"]
        for name in ("mnist", "fashion_mnist", "celeba", "celeba_hq", "chexpert", "mall")
    },
    "mnist/explain_4_to_9.yaml": ["--trainer.callbacks.init_args.num_samples=2"],  # of the last one, Spectrum
    "digits/explain.yaml": ["--model.slots=null"],  # as many as pay
    "celeba/vae.yaml": ["--data.batch_size=4"],
    **{
        f"celeba/{gan}.yaml": [f"--model.init_args.{part}.init_args.widths=[4,4,4,4,4]" for part in GAN_PARTS]
        for gan in ("pgan", "stylegan2")
    },
    **{
        f"{name}/attgan.yaml": [f"--model.init_args.{part}.init_args.widths=[4,4,4]" for part in GAN_PARTS]
        for name in ("celeba_young", "image_folder", "mnist")
    },
    "mnist/flow.yaml": ["--data.batch_size=8", f"{FLOW}.num_steps=1"],
    **{
        f"{name}/invertible.yaml": [
            "--data.batch_size=8",
            "--model.init_args.network.init_args.flow.init_args.num_steps=1",
        ]
        for name in ("mnist", "shapes", "image_folder")
    },
    **{
        name: [f"--model.others.{other}.init_args.max_steps=3" for other in others]
        for name, others in {
            "mnist/explain_closed_form.yaml": ("ascent", "ascent_on"),
            "mnist/explain_head_start.yaml": ("ascent",),
            "image_folder/explain_closed_form.yaml": ("ascent",),
            "shapes/explain.yaml": ("ascent", "head_start"),
            "digits/explain_closed_form.yaml": ("ascent",),
        }.items()
    },
    "mnist/realnvp.yaml": ["--data.batch_size=2", f"{FLOW}.num_blocks=1", f"{FLOW}.base_width=8"],
    **{
        f"image_folder/{job}.yaml": ["--data.batch_size=2", f"{FLOW}.num_steps=2", f"{FLOW}.subnet.init_args.width=8"]
        for job in ("glow_64", "glow_128")
    },
}


def test_every_config_is_here() -> None:
    shipped = {str(p.relative_to(ROOT / "configs")) for p in (ROOT / "configs").rglob("*.yaml")}
    assert shipped == {name for names in ALL.values() for name in names}


#: these here always, with their reports; all of them on the pretended GPU, always
QUICK = ("helix", "digits")


@pytest.mark.parametrize(
    "names", [pytest.param(v, id=k, marks=() if k in QUICK else pytest.mark.slow) for k, v in ALL.items()]
)
def test_runs(names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in run_group(names, tmp_path):
        assert (folder / "report.html").stat().st_size > 10_000


def run_group(names: list[str], home: Path, *options: str) -> list[Path]:
    """Every config in its turn, with ``options`` for each; ``home`` is the working directory, and empty.

    Returns:
        The folders of the explain runs.
    """
    write_mnist(home / "data", n_test=80)
    write_mnist(home / "data", n_test=80, name="FashionMNIST")
    write_image_folder(home / "data" / "images", n=40)
    write_attribute_table(home / "data" / "attributes.csv", home / "data" / "images")
    write_celeba(home / "data")
    write_celeba_hq(home / "data" / "CelebAMask-HQ")
    write_chexpert(home / "data")
    write_mall(home / "data" / "mall_dataset")
    explained = []
    for name in names:
        folder = home / "runs" / name.removesuffix(".yaml")
        small = [*TINIER.get(name, []), *TINY_DATA.get(name.split("/")[0], []), *options]
        if any(job in name for job in ("explain", "compare", "dose")):
            run_explain(name, *_tiny_method(name), *TINY_SEARCH, *small)
            searches = 54 if "pairs" in name or "dcgan_10" in name else 36 if "dose" in name else 6
            assert len(pd.read_parquet(folder / "counterfactuals.parquet")) == searches
            explained.append(folder)
        else:
            fit(name, *small)
            assert (folder / "best.ckpt").is_file()
    return explained


def _tiny_method(name: str) -> list[str]:
    if "vaex" in name:
        return TINY_RELAXATION
    if name.startswith("image_folder/explain") and not any(word in name for word in ("attributes", "closed_form")):
        return TINY_RETURN
    return TINY_BISECTION if "dcgan_10" in name else TINY_ASCENT
