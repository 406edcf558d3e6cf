import pytest
import torch
import yaml

from datamodules import Digits
from lightning_modules.from_data import blanks, fastest_precision, fill
from networks import InputError
from tests.support.patches import Patches
from tests.support.runs import fit
from tests.support.trees import write_celeba, write_image_folder


def test_fills_what_is_left_blank_and_nothing_else() -> None:
    config = {
        "class_path": "a.Model",
        "init_args": {
            "network": {"class_path": "b.Net", "init_args": {"shape": [], "num_classes": 0, "levels": 0, "widths": []}},
            "other": {"shape": [3, 4, 4], "num_classes": 2, "widths": [7], "list": [], "zero": 0},
        },
    }
    assert blanks(config)
    fill(config, Digits())
    network, other = config["init_args"]["network"]["init_args"], config["init_args"]["other"]
    assert (
        network["shape"] == [1, 8, 8]
        and network["num_classes"] == 10
        and network["levels"] == 17
        and len(network["widths"]) == 3
    )
    assert other == {"shape": [3, 4, 4], "num_classes": 2, "widths": [7], "list": [], "zero": 0}
    assert not blanks(config)


def test_the_command_line_saves_what_it_found(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_image_folder(tmp_path / "data" / "images", n=40)
    fit("image_folder/classifier.yaml")
    folder = tmp_path / "runs/image_folder/classifier"
    saved = yaml.safe_load((folder / "config.yaml").read_text())
    network = saved["model"]["init_args"]["network"]["init_args"]
    assert network["shape"] == [3, 16, 16] and network["num_classes"] == 2
    assert saved["trainer"]["precision"] == fastest_precision()
    stored = torch.load(folder / "best.ckpt")["hyper_parameters"]["network"]["init_args"]
    assert stored["shape"] == [3, 16, 16], "the checkpoint is built again without the data"


def test_below_attributes_of_the_data_they_are_the_classes() -> None:
    def network() -> dict:
        return {"class_path": "b.Net", "init_args": {"num_classes": 0, "deeper": {"num_classes": 0}}}

    seeing = {"network": network(), "attributes": [], "num_classes": 0, "head": {"attributes": []}}
    config = {
        "init_args": {"seeing": seeing, "beside": network(), "named": {"attributes": ["a"], "network": network()}}
    }
    assert blanks({"attributes": []}) and not blanks({"attributes": ["a"]})
    fill(config, Patches(more={"old": torch.arange(96)}))
    names, filled = ["left", "light", "old"], config["init_args"]
    assert seeing["attributes"] == seeing["head"]["attributes"] == names and seeing["num_classes"] == 3
    assert seeing["network"]["init_args"] == {"num_classes": 3, "deeper": {"num_classes": 3}}
    assert filled["beside"]["init_args"] == {"num_classes": 2, "deeper": {"num_classes": 2}}
    assert filled["named"]["network"]["init_args"]["num_classes"] == 2 and filled["named"]["attributes"] == ["a"]


def test_data_without_attributes_is_what_is_told(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not that zero classes are none."""
    monkeypatch.chdir(tmp_path)
    write_celeba(tmp_path / "data")
    with pytest.raises(InputError, match=r"no attributes: the data has none; name them with --data.attributes"):
        fit("celeba_young/attributes.yaml", "--data.attributes=[]", "--data.size=8")


@pytest.mark.parametrize(
    ("instructions", "precision", "widths"),
    [((), "32-true", 32), (("avx512_bf16",), "bf16-mixed", 32), (("avx512_bf16", "amx_tile"), "bf16-mixed", 64)],
)
def test_precision_and_widths_are_the_cpus(
    instructions: tuple[str, ...], precision: str, widths: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("amx_tile", "avx512_bf16"):
        monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda name=name: name in instructions, raising=False)
    config = {"widths": []}
    fill(config, Digits())
    assert fastest_precision() == precision and config["widths"][0] == widths
