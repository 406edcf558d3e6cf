from pathlib import Path
from types import SimpleNamespace

from jsonargparse import ArgumentParser

from callbacks import SaveConfig


def test_the_configuration_stands_beside_the_results(tmp_path: Path) -> None:
    """A second run into the same folder replaces the first one's; Lightning's own callback stops there."""
    parser = ArgumentParser()
    parser.add_argument("--seed", type=int)
    trainer = SimpleNamespace(default_root_dir=str(tmp_path / "new"), callbacks=[])
    for seed, stage in ((1, "fit"), (2, "fit"), (3, "test")):
        save = SaveConfig(parser, parser.parse_args([f"--seed={seed}"]), save_to_log_dir=False)
        save.save_config(trainer, None, stage)  # type: ignore[arg-type]
    assert (tmp_path / "new" / "config.yaml").read_text() == "seed: 2\n"
