from pathlib import Path

import pytest

from cli.next_command import next_command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three trainings and an explain run, as in configs/digits; nothing has been trained."""
    monkeypatch.chdir(tmp_path)
    Path("configs").mkdir()
    for job in ("classifier", "svm", "flow"):
        Path(f"configs/{job}.yaml").write_text(f"trainer: {{default_root_dir: runs/{job}}}")
    text = "predictor: runs/classifier/best.ckpt\noracle: {svm: runs/svm/best.ckpt}\nchart: runs/flow/best.ckpt\n"
    Path("configs/explain.yaml").write_text(text)
    Path("configs/explain_more.yaml").write_text("chart: runs/other/best.ckpt")
    return tmp_path


def trained(job: str) -> Path:
    file = Path(f"runs/{job}/best.ckpt")
    file.parent.mkdir(parents=True)
    file.touch()
    return file


def test_one_after_the_other(here: Path) -> None:
    words = ["--config", "configs/classifier.yaml", "--data.root=my images", "--data.predict_limit", "5"]
    root = "'--data.root=my images'"
    assert next_command(words, trained("classifier")) == (
        f"python train.py fit --config configs/svm.yaml {root}   # explain.yaml needs these, too: svm, flow"
    )
    assert next_command(words, trained("svm")).endswith(
        "--config configs/flow.yaml " + root + "   # explain.yaml needs it, too"
    )
    assert next_command(words, trained("flow")) == f"python explain.py --config configs/explain.yaml {root}"


def test_models_of_the_search_come_before_those_of_its_judges(here: Path) -> None:
    judges, model = "oracle: runs/svm/best.ckpt", "predictor: runs/classifier/best.ckpt\n  chart: runs/flow/best.ckpt"
    text = f"trainer:\n  {judges}\nmodel:\n  {model}\n"
    Path("configs/explain.yaml").write_text(text)
    command = next_command(["--config", "configs/classifier.yaml"], trained("classifier"))
    assert command == "python train.py fit --config configs/flow.yaml   # explain.yaml needs these, too: flow, svm"


def test_a_model_that_no_explain_run_needs_is_tested(here: Path) -> None:
    words = ["--config=configs/flow.yaml", "--trainer.default_root_dir", "runs/mine"]
    assert next_command(words, trained("mine"), Path("../train.py")) == (
        "python ../train.py test --config configs/flow.yaml --ckpt_path runs/mine/best.ckpt"
    )
    assert next_command([], Path("best.ckpt")) == "", "without a config there is no command to name"
