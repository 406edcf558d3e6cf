"""What a new user does wrong, and the one message that answers."""

import io
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
import torch

import explain
import train
from command_line import cause, readable, run
from networks.errors import InputError
from tests.support.runs import NO_CONTROLS, NO_LOGGER, QUIET, TINY_FIT, config
from tests.support.trees import write_image_folder, write_images

FIT = [*QUIET, *NO_LOGGER]


def message(main: Callable[[], None]) -> str:
    """What ``run`` prints when it stops on a mistake."""
    with pytest.raises(SystemExit) as stop:
        run(main)
    assert isinstance(stop.value.code, str), "an exit with a message is exit code 1"
    return stop.value.code


def fit_error(name: str, *args: str) -> str:
    return message(lambda: train.main(["fit", config(name), *FIT, *args]))


def explain_error(*args: str) -> str:
    return message(lambda: explain.main([config("digits/explain.yaml"), *FIT, *args]))


def test_explain_before_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert explain_error().startswith(
        "error: --trainer.callbacks[0].oracles: no checkpoint 'runs/digits/svm/best.ckpt': train that model first "
    )


def test_misspelt_config_keys(in_digits_home: Path, tmp_path: Path) -> None:
    original = Path(config("digits/classifier.yaml").removeprefix("--config=")).read_text()
    for right, wrong in (("widths", "witdhs"), ("max_epochs", "max_epoch"), ("noise", "nois")):
        file = tmp_path / "c.yaml"
        file.write_text(original.replace(right, wrong))
        text = message(lambda file=file: train.main(["fit", f"--config={file}", *FIT]))
        assert wrong in text and text.count("\n") <= 6 and "Union" not in text


def test_missing_config_and_wrong_flag() -> None:
    assert "'nowhere.yaml' does not exist" in message(lambda: train.main(["fit", "--config=nowhere.yaml"]))
    assert "'fitt' is no command: name one of fit, validate, test" in message(lambda: train.main(["fitt"]))
    assert "--no.such.flag" in fit_error("digits/classifier.yaml", "--no.such.flag=1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model.method.step_size", "nan"), "--model.method.step_size must be a number; got 'nan'"),
        (
            ("--model.method.stepsize", "1"),
            "--model.method.stepsize (given as '1') is no argument of Ascent: did you mean",
        ),
        (("--model.control", "counterfactuals.RunnerUp"), "--model.control is 'counterfactuals.RunnerUp', which is no"),
        (("--model.target", "no_package.Mine"), "there is no module no_package"),
        (("--data.predict_split", "holdout"), "--data.predict_split must be one of train, val, test; got 'holdout'"),
        (("--data", "datamodules.Digit"), "did you mean datamodules.Digits?"),
        (("--trainer.callbacks", "callbacks.OracleAccuracy"), "--trainer.callbacks.oracles is missing"),
        (("--trainer.callbacks", "{OracleAccuracy: {}}"), "--trainer.callbacks is given without its class"),
        (("--trainer.devices", "999"), "--trainer.devices must be from 1 to "),
        (("--seed_everything=-1",), "--seed_everything must be a whole number from 0 to 4294967295, or false; got -1"),
        (("--trainer.default_root_dir", ""), "--trainer.default_root_dir is empty"),
        (("--frobnicate", "3"), "--frobnicate (given as '3') is no argument"),
        (("fit",), "'fit' after --trainer.logger false belongs to no flag"),
    ],
)
def test_flags_of_explain(words: tuple[str, ...], said: str) -> None:
    text = explain_error(*words)
    assert said in text and text.count("\n") == 0 and "Union" not in text and "<class" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model.optimizer", "torch.optim.Adm"), "did you mean torch.optim.Adam"),
        (("--model.scheduler.Tmax", "3"), "--model.scheduler.Tmax (given as '3') is no argument of CosineAnnealingLR"),
        (("--model", "networks.CNN"), "--model is 'networks.CNN', which is no task: tasks are "),
        (("--model.network.init_args.dropout", "2"), "--model.network.dropout must lie in [0, 1]; got 2.0"),
        (("--model.noise=-1",), "--model.noise must not be negative; got -1.0"),
        (("--data.batch_size", "0"), "--data.batch_size must be positive; got 0"),
        (("--trainer.max_epochs=-5",), "--trainer.max_epochs -5: "),
        (("--trainer.strategy", "ddpp"), "--trainer.strategy 'ddpp': "),
        (("--trainer.accumulate_grad_batches", "0"), "must be a positive whole number; got 0"),
        (("--trainer.callbacks", "callbacks.Transition"), "callbacks.Transition does nothing in train.py"),
        (
            ("--model.optimizer.lr=-1",),
            "--model.optimizer cannot be made of its arguments: Invalid learning rate: -1.0",
        ),
        (("--model.scheduler.T_max", "0"), "CosineAnnealingLR with T_max=0"),
        (("--trainer.callbacks", "callbacks.Samples"), "ClassifierModule draws no samples"),
    ],
)
def test_flags_of_train(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    text = fit_error("digits/classifier.yaml", f"--trainer.default_root_dir={tmp_path}", *words)
    assert said in text and text.count("\n") == 0 and "Union" not in text and "<class" not in text


def test_a_monitored_number_that_nobody_logs(tmp_path: Path) -> None:
    text = fit_error(
        "digits/classifier.yaml", *TINY_FIT, "--checkpoint.monitor=val/los", f"--trainer.default_root_dir={tmp_path}"
    )
    assert "--checkpoint.monitor 'val/los' is no number that this run logs: did you mean val/loss" in text


def test_random_networks_and_lists_of_predictors(in_digits_home: Path) -> None:
    network = "{class_path: networks.CNN, init_args: {shape: [1, 8, 8], num_classes: 10, widths: [4]}}"
    text = explain_error(f"--model.predictor={network}", "--trainer.callbacks=null")
    assert text.startswith("error: --model.predictor: networks.CNN is given no weights, and would be a random network")
    both = "[runs/digits/classifier/best.ckpt, runs/digits/features/best.ckpt]"
    assert "objective must be ReachAll for a list of predictors" in explain_error(f"--model.predictor={both}")
    assert "ReachAll is for a list of predictors" in explain_error("--model.objective=counterfactuals.ReachAll")


def test_callbacks_of_the_other_program(in_digits_home: Path) -> None:
    text = explain_error("--trainer.callbacks=callbacks.EMA")
    assert text == (
        "error: --trainer.callbacks: callbacks.EMA does nothing in explain.py, it is for train.py: leave it out"
    )
    assert "is there without being asked for" in explain_error("--trainer.callbacks=callbacks.ResultWriter")


@pytest.mark.parametrize(
    ("main", "flags"),
    [
        (lambda: explain.main(["--help"]), ("--model.method.step_size", "--data.predict_limit", "--model.slots")),
        (lambda: train.main(["fit", "--help"]), ("--model.noise", "--data.batch_size", "--trainer.max_epochs")),
    ],
)
def test_help_lists_the_flags_of_classes(
    main: Callable[[], None], flags: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    said = capsys.readouterr().out
    assert all(flag in said for flag in flags)


def test_checkpoint_of_another_kind(in_digits_home: Path) -> None:
    assert (
        "holds lightning_modules.ClassifierModule, but one of AttGANModule, AutoencoderModule, FlowModule, "
        in explain_error("--model.chart=runs/digits/svm/best.ckpt")
    )


def test_class_out_of_range(in_digits_home: Path) -> None:
    text = explain_error("--model.target=counterfactuals.FixedTarget", "--model.target.target=12")
    assert text == "error: target class 12 is out of range: the predictor has 10 classes, 0 to 9"


def test_wrong_channel_count(in_digits_home: Path, tmp_path: Path) -> None:
    root = write_image_folder(tmp_path)
    text = fit_error("digits/classifier.yaml", "--data=datamodules.ImageFolder", f"--data.root={root}", "--data.size=8")
    assert "the network was made for samples of shape (1, 8, 8), but ImageFolder gives (3, 8, 8)" in text
    text = explain_error("--data=datamodules.ImageFolder", f"--data.root={root}", "--data.size=8")
    assert "the predictor was made for" in text and "the chart was made for" in text


def test_wrong_number_of_classes(in_digits_home: Path) -> None:
    text = fit_error("digits/classifier.yaml", "--model.network.init_args.num_classes=7")
    assert "returns 7 logits, but Digits has 10 classes" in text


def test_image_folders(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    arguments = ("image_folder/classifier.yaml", f"--data.root={images}")
    assert fit_error("image_folder/classifier.yaml", "--data.root=nowhere").startswith(
        "error: --data.root: no folder 'nowhere'"
    )
    assert "is empty" in fit_error(*arguments)
    write_images(images / "dark", 20, 60)
    assert "one class only ('dark')" in fit_error(*arguments)
    write_images(images / "bright", 20, 190)
    for file in (images / "bright").iterdir():
        file.write_bytes(b"no image")
    text = fit_error(*arguments, f"--trainer.default_root_dir={tmp_path / 'run'}")
    assert "cannot be read as an image: remove or replace it" in text and text.count("\n") == 0


def test_corrupt_image_in_a_worker_is_one_line(tmp_path: Path) -> None:
    write_image_folder(tmp_path / "images")
    for file in (tmp_path / "images" / "dark").iterdir():
        file.write_bytes(b"no image")
    text = fit_error(
        "image_folder/classifier.yaml",
        f"--data.root={tmp_path / 'images'}",
        "--data.num_workers=1",
        f"--trainer.default_root_dir={tmp_path / 'run'}",
    )
    assert text.startswith(f"error: --data: {tmp_path / 'images' / 'dark'}") and text.count("\n") == 0


def test_full_disk_is_one_line() -> None:
    def main() -> None:
        raise OSError(28, "No space left on device", "runs/x")

    said = message(main)
    assert said.startswith("error: [Errno 28] No space left on device: 'runs/x': make room") and "\n" not in said


def test_a_bug_keeps_its_traceback() -> None:
    def main() -> None:
        raise ValueError("ours to mend")

    with pytest.raises(ValueError, match="ours to mend"):
        run(main)


def test_cause_and_readable() -> None:
    try:
        try:
            raise InputError("inside")
        except InputError as error:
            raise ValueError("outside") from error
    except ValueError as error:
        assert str(cause(error)) == "inside"
    assert cause(ValueError()) is None
    nested = """Parser key "model.method":
    - Problem with given class_path 'a.B':
        Parser key "size":
          - Expected a <class 'int'>. Got value: x
    Given value: {}"""
    assert (
        readable(nested) == "--model.method.size cannot have the value that it is given: Expected a int. Got value: x"
    )
    assert readable("no key") == "no key"


def test_a_terminal_that_does_not_know_a_letter_gets_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="latin-1"))
    run(lambda: print("‖x′ − x‖ of \udce9", flush=True))
    assert written.getvalue() == "?x? ? x? of ?\n".encode("latin-1")


def test_what_a_terminal_would_obey_is_escaped() -> None:
    def main() -> None:
        raise InputError("class \x1b[31mred\x07 and\nnext line \u202e\udce9 é")

    assert message(main) == "error: class \\x1b[31mred\\x07 and\nnext line \\u202e\\udce9 é"


def short(*args: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has a total capacity of 8 GiB")


SHORTAGES = {
    "plan": ("lightning_modules.counterfactual.plan", "the model was given a whole batch: lower --data.batch_size"),
    "search": (
        "counterfactuals.methods.ascent.evaluate",
        "not even one search at a time fits beside the batch: lower",
    ),
    "measure": ("results.journal.Journal.append", "given 6 at once: lower --model.slots"),
}


@pytest.mark.filterwarnings("ignore:out of memory")
@pytest.mark.parametrize("where", SHORTAGES)
def test_out_of_memory_says_what_to_lower(
    where: str, in_digits_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    name, advice = SHORTAGES[where]
    original, calls = resolve_name(name), []

    def full(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return original(*args, **kwargs) if where == "plan" and len(calls) == 1 else short()  # setup plans a sample

    monkeypatch.setattr(name, full)
    steps = [
        "--model.method.init_args.max_steps=3",
        *NO_CONTROLS,
        "--data.predict_limit=6",
    ]
    text = explain_error("--trainer.callbacks=null", *steps, f"--trainer.default_root_dir={tmp_path}")
    assert text.startswith("error: out of memory: ") and advice in text and text.endswith("Tried to allocate 2 GiB)")
    assert "finished searches are kept" in capsys.readouterr().out
