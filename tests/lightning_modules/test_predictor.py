"""Files of strangers as predictors."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from counterfactuals.freeze import frozen
from lightning_modules import load_predictor
from networks import Exported, InputError, TorchScript
from networks.weights import weights_hash


class Net(nn.Module):
    def __init__(self, bias: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.drop, self.head = nn.Conv2d(1, 4, 3), nn.Dropout(0.5), nn.Linear(4, 2)
        self.bias = bias

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.conv(x).relu().mean((2, 3)))) + self.bias


X = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("made", ["scripted", "traced", "frozen"])
def test_torchscript(tmp_path: Path, made: str) -> None:
    net, file = Net().eval(), str(tmp_path / "net.pt")
    script = torch.jit.trace(net, X) if made == "traced" else torch.jit.script(net)
    torch.jit.save(torch.jit.freeze(script) if made == "frozen" else script, file)
    found = load_predictor(file)
    assert isinstance(found, TorchScript)
    found.train()  # its dropout stays off
    with frozen(found):
        assert torch.allclose(found(X), net(X), atol=1e-6)
    other = str(tmp_path / "other.pt")
    torch.jit.save(torch.jit.freeze(torch.jit.script(Net(1.0).eval())), other)
    assert weights_hash(load_predictor(other)) != weights_hash(found), "constants are no state, and count all the same"


class Writes(nn.Module):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: Tensor) -> Tensor:
        torch.save(x, self.path)
        return x


class Maps(Writes):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.from_file(self.path, True, 4)


class Restores(nn.Module):
    @torch.jit.export
    def __getstate__(self) -> tuple[Tensor, bool]:
        return torch.zeros(1), self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool]) -> None:
        self.training = state[1]

    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.mark.parametrize("make", [Writes, Maps, Restores])
def test_programs_that_do_more_are_refused(tmp_path: Path, make: type[nn.Module]) -> None:
    target = tmp_path / "victim"
    net = make() if make is Restores else make(str(target))
    torch.jit.save(torch.jit.script(net), tmp_path / "net.pt")
    with pytest.raises(InputError, match=r"TorchScript file .* is refused: its code has '(save|from_file|__[gs]et)"):
        load_predictor(str(tmp_path / "net.pt"))
    assert not target.exists()


def test_files_of_other_kinds_are_told_what_to_do(tmp_path: Path) -> None:
    net = Net().eval()
    torch.save(net.state_dict(), tmp_path / "weights.pth")
    (tmp_path / "damaged.pt").write_bytes(b"PK\x03\x04 no archive")
    for name, said in {
        "net.onnx": "ONNX has no gradients.*torch.export.save.*LatentSearch",
        "net.h5": "no PyTorch network",
        "net.pkl": "a pickle can run any code",
        "weights.pth": "It is a file of weights: name their network, with networks.TimmModel or networks.Adapter",
        "damaged.pt": "is not a checkpoint, or is cut off",
        "missing.ckpt": "missing.ckpt",
    }.items():
        with pytest.raises(InputError, match=said):
            load_predictor(str(tmp_path / name))


def test_exported_programs_need_no_class(tmp_path: Path) -> None:
    net = Net().eval()
    program = torch.export.export(net, (X,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.export.save(program, tmp_path / "net.pt2")
    found = load_predictor(str(tmp_path / "net.pt2"))
    assert isinstance(found, Exported) and torch.allclose(found(X), net(X), atol=1e-6)


def test_hugging_face(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    labels = {"id2label": {0: "nine", 1: "four"}, "label2id": {"nine": 0, "four": 1}}
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.ViTConfig(image_size=16, patch_size=8, **sizes, **labels)
    net = transformers.ViTForImageClassification(config).eval()
    net.save_pretrained(tmp_path / "vit")
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.6, 0.7]
    processor = transformers.ViTImageProcessor(size={"height": 16, "width": 16}, image_mean=mean, image_std=std)
    processor.save_pretrained(tmp_path / "vit")
    found = load_predictor(str(tmp_path / "vit"))
    assert found.class_names == ["nine", "four"] and found.outputs == "logits"
    x = torch.rand(2, 3, 16, 16)
    given = (x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    assert torch.allclose(found(x), net(given).logits, atol=1e-6)
    assert found(X).shape == (3, 2), "grey, and of another size"
    net.vit.save_pretrained(tmp_path / "body")
    processor.save_pretrained(tmp_path / "body")
    with pytest.raises(InputError, match=r"has no weights for classifier.bias and would be random there"):
        load_predictor(str(tmp_path / "body"))
    (tmp_path / "vit" / "model.safetensors").unlink()
    with pytest.raises(InputError, match="cannot be loaded as a Hugging Face image classifier"):
        load_predictor(str(tmp_path / "vit"))
