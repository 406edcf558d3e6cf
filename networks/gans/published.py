"""The weights of somebody else's StyleGAN2 under our names.

    python -m networks.gans.published stylegan2-ffhq.pt runs/ffhq/generator

writes ``runs/ffhq/generator.safetensors`` and ``generator.yaml``, a ``networks.StyleGenerator`` that reads it.
Understood are state dicts of generators by stylegan2-ada-pytorch (NVIDIA, 2021; of its pickles save
``G_ema.state_dict()``) and by stylegan2-pytorch (rosinality; ``g_ema`` and ``latent_avg`` of its files).
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor

from networks.errors import InputError
from networks.gans.stylegan2 import FILTER, StyleGenerator
from networks.weights import no_weights, why_not

Naming = Sequence[tuple[str, Callable[[re.Match[str]], str]]]


class Converted(NamedTuple):
    """What a file was understood as.

    Attributes:
        settings: arguments of ``StyleGenerator``.
        state: its state dict.
        filters: how many of the file's tensors were low-pass filters, which are ours.
    """

    settings: dict[str, Any]
    state: dict[str, Tensor]
    filters: int


def _layer(side: int, which: str) -> str:
    """The layer of ``conv0`` or ``conv1`` at a size."""
    stage = (side // 4).bit_length() - 1
    if which == "torgb":
        return f"synthesis.to_image.{stage}"
    if not stage:
        return "synthesis.start"
    return f"synthesis.{'doubling' if which == 'conv0' else 'keeping'}.{stage - 1}"


def _numbered(i: int) -> str:
    """The layer of the i-th convolution after the first."""
    return f"synthesis.{'keeping' if i % 2 else 'doubling'}.{i // 2}"


PARTS = {"weight": "conv.weight", "bias": "bias", "noise_strength": "noise.strength", "noise_const": "noise.noise"}
NVIDIA: Naming = (
    (r"mapping\.fc(\d+)\.(weight|bias)", lambda m: f"mapping.layers.{m[1]}.0.{m[2]}"),
    (r"mapping\.w_avg", lambda m: "mapping.mean"),
    (r"synthesis\.b4\.const", lambda m: "synthesis.constant"),
    (
        r"synthesis\.b(\d+)\.(conv0|conv1|torgb)\.affine\.(weight|bias)",
        lambda m: f"{_layer(int(m[1]), m[2])}.conv.style.{m[3]}",
    ),
    (
        r"synthesis\.b(\d+)\.(conv0|conv1|torgb)\.(weight|bias|noise_strength|noise_const)",
        lambda m: f"{_layer(int(m[1]), m[2])}.{PARTS[m[3]]}",
    ),
)
OWN = {"conv.weight": "conv.weight", "noise.weight": "noise.strength", "activate.bias": "bias", "bias": "bias"}
ROSINALITY: Naming = (
    (r"style\.(\d+)\.(weight|bias)", lambda m: f"mapping.layers.{int(m[1]) - 1}.0.{m[2]}"),
    (r"latent_avg", lambda m: "mapping.mean"),
    (r"input\.input", lambda m: "synthesis.constant"),
    (r"noises\.noise_0", lambda m: "synthesis.start.noise.noise"),
    (r"noises\.noise_(\d+)", lambda m: f"{_numbered(int(m[1]) - 1)}.noise.noise"),
    (r"conv1\.conv\.modulation\.(weight|bias)", lambda m: f"synthesis.start.conv.style.{m[1]}"),
    (r"conv1\.(conv\.weight|noise\.weight|activate\.bias)", lambda m: f"synthesis.start.{OWN[m[1]]}"),
    (r"convs\.(\d+)\.conv\.modulation\.(weight|bias)", lambda m: f"{_numbered(int(m[1]))}.conv.style.{m[2]}"),
    (r"convs\.(\d+)\.(conv\.weight|noise\.weight|activate\.bias)", lambda m: f"{_numbered(int(m[1]))}.{OWN[m[2]]}"),
    (r"to_rgb1\.conv\.modulation\.(weight|bias)", lambda m: f"synthesis.to_image.0.conv.style.{m[1]}"),
    (r"to_rgb1\.(conv\.weight|bias)", lambda m: f"synthesis.to_image.0.{OWN[m[1]]}"),
    (
        r"to_rgbs\.(\d+)\.conv\.modulation\.(weight|bias)",
        lambda m: f"synthesis.to_image.{int(m[1]) + 1}.conv.style.{m[2]}",
    ),
    (r"to_rgbs\.(\d+)\.(conv\.weight|bias)", lambda m: f"synthesis.to_image.{int(m[1]) + 1}.{OWN[m[2]]}"),
)
FILTERS = re.compile(r"(.*\.)?(resample_filter|blur\.kernel|upsample\.kernel)")


def convert(published: Mapping[str, Tensor]) -> Converted:
    """Our names for the tensors of a published generator, and its sizes; every one of them is accounted for.

    Raises:
        InputError: tensors that have no place in a StyleGAN2, that are missing or have another shape than the others
            ask for, another low-pass filter, or a generator that knows classes.
    """
    if any(name.startswith("mapping.embed") for name in published):
        raise InputError("this generator knows classes (mapping.embed), which published weights are not read for")
    naming = NVIDIA if any(name.startswith("synthesis.") for name in published) else ROSINALITY
    filters = {name: t for name, t in published.items() if FILTERS.fullmatch(name)}
    for name, taps in filters.items():
        _check_filter(name, taps)
    names = {name: _renamed(name, naming) for name in published if name not in filters}
    if unknown := [name for name, own in names.items() if own is None]:
        raise InputError(f"no part of a StyleGAN2 generator: {_listed(unknown)}")
    found = {own: published[name].float() for name, own in names.items() if own is not None}
    settings = _sizes(found)
    return Converted(settings, _fitted(found, StyleGenerator(**settings).state_dict()), len(filters))


def _renamed(name: str, naming: Naming) -> str | None:
    for pattern, own in naming:
        if match := re.fullmatch(pattern, name):
            return own(match)
    return None


def _check_filter(name: str, taps: Tensor) -> None:
    """It is ours up to a factor: (1, 3, 3, 1) along both axes."""
    ours = torch.outer(torch.tensor(FILTER), torch.tensor(FILTER))
    taps = taps.float().cpu()
    if taps.shape != ours.shape or not torch.allclose(taps / taps.sum(), ours / ours.sum(), atol=1e-6):
        raise InputError(f"{name} is another low-pass filter than (1, 3, 3, 1): {taps.flatten()[:4].tolist()} …")


def _sizes(found: Mapping[str, Tensor]) -> dict[str, Any]:
    try:
        first, widths = found["mapping.layers.0.0.weight"], [found["synthesis.start.conv.weight"].shape[-4]]
        while f"synthesis.doubling.{len(widths) - 1}.conv.weight" in found:
            widths.append(found[f"synthesis.doubling.{len(widths) - 1}.conv.weight"].shape[-4])
        channels, side = found["synthesis.to_image.0.conv.weight"].shape[-4], 4 * 2 ** (len(widths) - 1)
    except KeyError as error:
        raise InputError(f"these are no weights of a StyleGAN2 generator: {error} is missing") from error
    depth = sum(bool(re.fullmatch(r"mapping\.layers\.\d+\.0\.weight", name)) for name in found)
    style_dim, latent_dim = first.shape
    return {
        "shape": [channels, side, side],
        "latent_dim": latent_dim,
        "style_dim": style_dim,
        "widths": widths,
        "depth": depth,
    }


def _fitted(found: dict[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """As ``wanted`` has them: axes of one come and go between the code bases."""
    found.setdefault("mapping.mean", torch.zeros_like(wanted["mapping.mean"]))  # not in every file; for ψ < 1 alone
    if missing := [name for name in wanted if name not in found]:
        raise InputError(f"{len(missing)} tensors are missing, of ours: {_listed(missing)}")
    if more := [name for name in found if name not in wanted]:
        raise InputError(f"{len(more)} tensors are too many, of ours: {_listed(more)}")
    squeezed = {name: [n for n in t.shape if n != 1] for name, t in found.items()}
    wrong = [name for name, t in wanted.items() if squeezed[name] != [n for n in t.shape if n != 1]]
    if wrong:
        shapes = [f"{name} {tuple(found[name].shape)}, not {tuple(wanted[name].shape)}" for name in wrong]
        raise InputError(f"{len(wrong)} tensors have another shape: {_listed(shapes)}")
    return {name: found[name].reshape(t.shape).contiguous().clone() for name, t in wanted.items()}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def read_published(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file: a state dict, one under ``g_ema``, ``G_ema`` or ``state_dict``, or safetensors.

    Raises:
        InputError: it cannot be read, or holds more than tensors.
    """
    if (reason := no_weights(path)) is not None:
        raise InputError(f"weights {str(path)!r} cannot be loaded: {reason}")
    try:
        if Path(path).suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # readers raise whatever the file makes them
        raise InputError(
            f"weights {str(path)!r} cannot be loaded: {why_not(error)}. Of NVIDIA's pickles, which are programs, save "
            "G_ema.state_dict() by torch.save where you trust them"
        ) from error
    mean = content.get("latent_avg") if isinstance(content, Mapping) else None
    for key in ("g_ema", "G_ema", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = dict(content[key])
            break
    if not isinstance(content, Mapping) or not all(isinstance(t, Tensor) for t in content.values()):
        raise InputError(f"weights {str(path)!r} hold something else than a generator's state dict")
    return dict(content) | ({"latent_avg": mean} if isinstance(mean, Tensor) else {})


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the published weights")
    parser.add_argument("out", type=Path, help="of the two files that are written, without an ending")
    given = parser.parse_args(args)
    try:
        published = read_published(given.file)
        converted = convert(published)
    except InputError as error:
        parser.error(str(error))
    weights, config = given.out.with_suffix(".safetensors"), given.out.with_suffix(".yaml")
    weights.parent.mkdir(parents=True, exist_ok=True)
    save_file(converted.state, weights)
    arguments = converted.settings | {"weights": str(weights)}
    generator = {"class_path": "networks.StyleGenerator", "init_args": arguments}
    config.write_text(yaml.safe_dump(generator, sort_keys=False, default_flow_style=None))
    channels, side, _ = converted.settings["shape"]
    print(f"A StyleGAN2 of {side}×{side}×{channels}, z of {converted.settings['latent_dim']}, ", end="")
    print(f"widths {converted.settings['widths']}: {len(published)} tensors, of which {converted.filters} are filters")
    print(f"weights: {weights}\nconfig:  {config}")


if __name__ == "__main__":
    main()
