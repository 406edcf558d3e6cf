"""Published names are understood, and the images are those of the published code."""

from math import prod
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor

from networks import InputError, StyleGenerator
from networks.gans.published import convert, main, read_published

FILTER = torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0])] * 2)


def of_nvidia() -> dict[str, Tensor]:
    """stylegan2-ada-pytorch's generator of 8×8: two layers from z of 5 to w of 4, four channels throughout."""
    shapes: dict[str, tuple[int, ...]] = {"mapping.fc0.weight": (4, 5), "mapping.fc1.weight": (4, 4)}
    shapes |= {"mapping.fc0.bias": (4,), "mapping.fc1.bias": (4,), "mapping.w_avg": (4,)}
    shapes["synthesis.b4.const"] = (4, 4, 4)
    for block, side, layers in (("b4", 4, ["conv1"]), ("b8", 8, ["conv0", "conv1"])):
        for layer, c_out in [*((layer, 4) for layer in layers), ("torgb", 3)]:
            name = f"synthesis.{block}.{layer}"
            shapes |= {f"{name}.affine.weight": (4, 4), f"{name}.affine.bias": (4,), f"{name}.bias": (c_out,)}
            shapes[f"{name}.weight"] = (c_out, 4, 1, 1) if layer == "torgb" else (c_out, 4, 3, 3)
            if layer != "torgb":
                shapes |= {f"{name}.noise_const": (side, side), f"{name}.noise_strength": ()}
    return filled(shapes) | {"synthesis.b8.conv0.resample_filter": FILTER / 64}


def of_rosinality() -> dict[str, Tensor]:
    """stylegan2-pytorch's generator of 8×8: z and w of 4, four and six channels."""
    shapes: dict[str, tuple[int, ...]] = {f"style.{i}.weight": (4, 4) for i in (1, 2)}
    shapes |= {"style.1.bias": (4,), "style.2.bias": (4,), "input.input": (1, 4, 4, 4)}
    shapes |= {"noises.noise_0": (1, 1, 4, 4), "noises.noise_1": (1, 1, 8, 8), "noises.noise_2": (1, 1, 8, 8)}
    for name, c_in, c_out in (("conv1", 4, 4), ("convs.0", 4, 6), ("convs.1", 6, 6)):
        shapes |= {f"{name}.conv.weight": (1, c_out, c_in, 3, 3), f"{name}.noise.weight": (1,)}
        shapes |= {f"{name}.conv.modulation.weight": (c_in, 4), f"{name}.conv.modulation.bias": (c_in,)}
        shapes[f"{name}.activate.bias"] = (c_out,)
    for name, c_in in (("to_rgb1", 4), ("to_rgbs.0", 6)):
        shapes |= {f"{name}.conv.weight": (1, 3, c_in, 1, 1), f"{name}.bias": (1, 3, 1, 1)}
        shapes |= {f"{name}.conv.modulation.weight": (c_in, 4), f"{name}.conv.modulation.bias": (c_in,)}
    return filled(shapes) | {"convs.0.conv.blur.kernel": FILTER / 16, "to_rgbs.0.upsample.kernel": FILTER / 16}


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Sines of running numbers; the mapping's weights, whose rate is a hundredth, a hundred times as large."""
    waves = {
        name: torch.sin(0.7 * torch.arange(prod(shape), dtype=torch.float32) + i).reshape(shape)
        for i, (name, shape) in enumerate(sorted(shapes.items()))
    }
    rate = {name: 100 if name.startswith(("mapping.fc", "style")) and name.endswith("weight") else 1 for name in waves}
    return {name: rate[name] * wave for name, wave in waves.items()}


# x[:, :, 3, 5], mean and deviation of (G(z) + 1) / 2 by the published code, z = sin(0, 1, 2, …), constant noise
KNOWN = {
    of_nvidia: ([[-0.6226, 1.5625, -0.05625], [0.00271, 1.00286, 0.37305]], 0.364366, 1.102024),
    of_rosinality: ([[0.42905, 0.16462, 0.40624], [0.44073, 0.16686, 0.39234]], 0.386947, 0.315228),
}


@pytest.mark.parametrize("published", KNOWN)
def test_images_are_those_of_the_published_code(published) -> None:
    settings, state, filters = convert(published())
    generator = StyleGenerator(**settings).eval()
    generator.load_state_dict(state)
    assert filters == {of_nvidia: 1, of_rosinality: 2}[published]
    with torch.no_grad():
        x = generator(torch.sin(torch.arange(10.0)).view(2, 5)[:, : settings["latent_dim"]])
    pixels, mean, deviation = KNOWN[published]
    assert torch.allclose(x[:, :, 3, 5], torch.tensor(pixels), atol=2e-5)
    assert (float(x.mean()), float(x.std())) == pytest.approx((mean, deviation), abs=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"synthesis.b8.conv0.extra": torch.ones(1)}, "no part of a StyleGAN2 generator: synthesis.b8.conv0.extra"),
        ({"synthesis.b8.conv1.noise_strength": None}, "1 tensors are missing, of ours: synthesis.keeping.0.noise.str"),
        ({"synthesis.b4.conv1.weight": None}, "'synthesis.start.conv.weight' is missing"),
        ({"synthesis.b8.torgb.bias": torch.ones(4)}, r"another shape: synthesis.to_image.1.bias \(4,\), not \(1, 3,"),
        ({"synthesis.b8.conv0.resample_filter": torch.ones(4, 4)}, "another low-pass filter than"),
        ({"mapping.embed.weight": torch.ones(4, 4)}, "knows classes"),
        ({"mapping.fc7.weight": torch.ones(4, 4)}, "7.0.weight|missing"),
    ],
)
def test_every_tensor_is_accounted_for(change: dict, said: str) -> None:
    published = {name: t for name, t in (of_nvidia() | change).items() if t is not None}
    with pytest.raises(InputError, match=said):
        convert(published)


def test_a_file_becomes_weights_and_a_config(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    torch.save({"g_ema": of_rosinality(), "latent_avg": torch.full((4,), 0.5), "d": {}}, tmp_path / "g.pt")
    main([str(tmp_path / "g.pt"), str(tmp_path / "own/generator")])
    config = yaml.safe_load((tmp_path / "own/generator.yaml").read_text())
    assert config["class_path"] == "networks.StyleGenerator" and config["init_args"]["widths"] == [4, 6]
    state = load_file(tmp_path / "own/generator.safetensors")
    assert torch.equal(state["mapping.mean"], torch.full((4,), 0.5))
    read = StyleGenerator(**config["init_args"]).state_dict()
    assert all(torch.equal(read[name], value) for name, value in state.items())
    assert "8×8×3, z of 4, widths [4, 6]: 34 tensors, of which 2 are filters" in capsys.readouterr().out


def test_what_is_no_state_dict_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    torch.save({"G_ema": StyleGenerator([3, 4, 4], 2, 2, [2])}, tmp_path / "pickle.pkl")
    with pytest.raises(InputError, match="something other than tensors"):
        read_published(tmp_path / "pickle.pkl")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(SystemExit):
        main([str(tmp_path / "list.pt"), str(tmp_path / "out")])
    assert "something else than a generator's state dict" in capsys.readouterr().err
