from pathlib import Path

import pytest
import torch

from networks import HuggingFace, InputError


def test_weights_size_statistics_and_names_are_the_folders(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    labels = {"id2label": {0: "nine", 1: "four"}, "label2id": {"nine": 0, "four": 1}}
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.ViTConfig(image_size=16, patch_size=8, **sizes, **labels)
    net = transformers.ViTForImageClassification(config).eval()
    net.save_pretrained(tmp_path / "vit")
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.6, 0.7]
    processor = transformers.ViTImageProcessor(size={"height": 16, "width": 16}, image_mean=mean, image_std=std)
    processor.save_pretrained(tmp_path / "vit")
    found = HuggingFace(str(tmp_path / "vit"))
    assert found.class_names == ["nine", "four"] and found.outputs == "logits"
    x = torch.rand(2, 3, 16, 16)
    given = (x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    assert torch.allclose(found(x), net(given).logits, atol=1e-6)
    assert found(torch.rand(3, 1, 8, 8)).shape == (3, 2), "grey, and of another size"
    net.vit.save_pretrained(tmp_path / "body")
    processor.save_pretrained(tmp_path / "body")
    with pytest.raises(InputError, match=r"has no weights for classifier.bias and would be random there"):
        HuggingFace(str(tmp_path / "body"))
    (tmp_path / "vit" / "model.safetensors").unlink()
    with pytest.raises(InputError, match="cannot be loaded as a Hugging Face image classifier"):
        HuggingFace(str(tmp_path / "vit"))
