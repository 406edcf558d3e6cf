"""Every command and snippet of README and of the guides in docs is run, on tiny settings; those of results exist."""

import re
import shlex
from functools import partial
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import timm
import torch
import torchvision
import yaml
from jsonargparse import ArgumentParser
from safetensors.torch import load_file, save_file

import explain
import train
from counterfactuals import Ascent, Chart
from lightning_modules import FlowMatchingModule, load
from networks import Adapter, StyleGenerator
from tests.programs.test_configs import TINIER, TINY_ASCENT, TINY_DATA, TINY_RELAXATION, TINY_RETURN, TINY_SEARCH
from tests.support.pages import DOCS, GUIDES, block, blocks, commands, name_of
from tests.support.runs import NO_CONTROLS, NO_LOGGER, QUIET, ROOT, TINY_FIT
from tests.support.trees import write_attribute_table, write_image_folder

#: how a command begins that no test runs → why
NOT_RUN = {
    "make demo": "minutes; it echoes commands that are run below",
    "make test": "runs this test",
    "source .venv/bin/activate": "the environment is there",
    "pip install": "changes the environment",
    "wandb login": "asks a server",
    "wandb sync": "asks a server",
    "python -m callbacks.workspace": "asks a server; tests/callbacks has it without one",
    "python -m pytest tests/hostile": "tests themselves",
    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 torchrun": "test_jobs.py runs it",
    "srun python train.py": "test_jobs.py runs it",
    "python -m networks.gans.published": "needs a published file; tests/networks/gans has one, and Home its outcome",
}
SMALL_SIDE = "--data.size=32"  # for 1024
TINY_FFHQ = [SMALL_SIDE, "--model.adapter.size=16", "--model.method.max_steps=3", "--data.predict_limit=2"]
EXPLAINED, SEARCHES = ("explain", "compare", "dose"), 2
TINY_OWN = [
    *("--model.method=counterfactuals.Ascent", "--model.method.max_steps=3"),
    *("--model.control.init_args.max_steps=3", "--data.predict_limit=2"),
]
MY_NET = """
import torch

class MyNet(torch.nn.Sequential):
    def __init__(self, weights: str):
        super().__init__(torch.nn.Flatten(), torch.nn.Linear(256, 2))
        self.load_state_dict(torch.load(weights, weights_only=True))
"""


def tiny(words: list[str]) -> list[str]:
    """Flags that make a run of seconds of it; they come last, and win."""
    (config,) = [second for first, second in pairwise(words) if first == "--config"]
    if config == "my.yaml":
        return TINY_OWN
    if config == "ffhq.yaml":
        return TINY_FFHQ
    name = config.removeprefix("configs/")
    small = [*TINIER.get(name, []), *TINY_DATA.get(name.split("/")[0], [])]
    if not any(job in name for job in EXPLAINED):
        return [*TINY_FIT, *small, *([SMALL_SIDE] if "--data.size" in words else [])]
    returning = name.startswith("image_folder/explain") and not any(w in name for w in ("attributes", "closed_form"))
    method = TINY_RELAXATION if "vaex" in name else TINY_RETURN if returning else TINY_ASCENT
    few = ["--model.target.init_args.targets=[0,2]"] if "dose" in name else []
    return [*method, *TINY_SEARCH, *small, *few, f"--data.predict_limit={SEARCHES}"]


def run(command: str) -> None:
    """A command of train.py or explain.py, in this process and below the working directory."""
    _, script, *words = shlex.split(command)
    program = {"train.py": train, "explain.py": explain}[script]
    if words[0] == "report":
        program.main(words)
        return
    added = [*tiny(words), *QUIET]
    if "--ckpt_path" in words:
        added.append("--trainer.max_epochs=2")
    added += ["--wandb.offline=true"] if any(word.startswith("--wandb") for word in words) else NO_LOGGER
    with pytest.MonkeyPatch.context() as patch:
        if "configs/digits" not in command:  # tests/programs draws every config's; a third of the time
            patch.setattr("report.page.draw_all", lambda *given: [])
        program.main([str(ROOT / w) if w.startswith("configs/") else w for w in [*words, *added]])


def is_run(command: str) -> bool:
    return command.startswith(("python train.py", "python explain.py"))


def write_generator(folder: Path) -> None:
    """What ``networks.gans.published`` would leave of a StyleGAN2 of 32×32."""
    folder.mkdir(parents=True)
    sizes = {"shape": [1, 32, 32], "latent_dim": 512, "style_dim": 4, "widths": [2, 2, 2, 2], "depth": 1}
    weights = str(folder / "generator.safetensors")
    save_file(StyleGenerator(**sizes).state_dict(), weights)
    generator = {"class_path": "networks.StyleGenerator", "init_args": sizes | {"weights": weights}}
    (folder / "generator.yaml").write_text(yaml.safe_dump(generator))


class Home:
    """A working directory in which the pages' commands are run, each once, in the pages' order."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.done = folder, dict[str, None]()
        images = write_image_folder(folder / "my" / "images", n=40, mode="L")
        write_attribute_table(folder / "my" / "attributes.csv", images)
        (folder / "my_package.py").write_text(MY_NET)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 2))
        torch.save(self.net.state_dict(), folder / "my_weights.pth")
        (folder / "my.yaml").write_text(block(DOCS / "own-images.md", "yaml", "my_package.MyNet"))
        (folder / "ffhq.yaml").write_text(block(DOCS / "charts.md", "yaml", "runs/ffhq/inverter"))
        write_generator(folder / "runs" / "ffhq")

    def run_until(self, page: Path) -> None:
        """Every command of the pages up to this one that has not been run."""
        for earlier in GUIDES[: GUIDES.index(page) + 1]:
            for command in filter(is_run, commands(earlier)):
                if command not in self.done:
                    self.done[command] = None
                    run(command)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(autouse=True)
def at_home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the home where a test uses it; its own packages can be imported there."""
    if "home" in request.fixturenames:
        folder = request.getfixturevalue("home").folder
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_every_command_is_run_or_says_why_not(page: Path) -> None:
    for command in commands(page):
        assert is_run(command) or command.startswith(tuple(NOT_RUN)), f"nobody tries {command!r}"


def test_no_reason_is_left_over() -> None:
    there = [command for page in GUIDES for command in commands(page)]
    assert [start for start in NOT_RUN if not any(command.startswith(start) for command in there)] == []


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_commands_run(page: Path, home: Home) -> None:
    home.run_until(page)
    for command in filter(is_run, commands(page)):
        folder = re.search(r"configs/(\S+)\.yaml", command)
        left = ("report.html",) if "explain.py" in command else ("best.ckpt", "last.ckpt")
        assert folder is None or all((Path("runs") / folder[1] / name).is_file() for name in left)


@pytest.mark.parametrize("page", [page for page in GUIDES if blocks(page, "python")], ids=name_of)
def test_python_runs(page: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.run_until(max(page, DOCS / "own-images.md", key=GUIDES.index))
    monkeypatch.setattr("counterfactuals.Ascent", partial(Ascent, max_steps=3))
    chart = load("runs/image_folder/flow_matching/best.ckpt", FlowMatchingModule).chart()
    for code in blocks(page, "python"):
        assert len(code.splitlines()) < 15
        any_size = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(16), home.net)
        names = {"my_classifier": any_size, "x": torch.rand(3, 1, 16, 16), "chart": chart}
        exec(code, names)
        for result in ("cf", "control"):
            assert result not in names or len(names[result]) == 3


def test_own_models(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of the class in my.yaml: each way to name a model that the page has."""
    home.run_until(DOCS / "own-images.md")
    monkeypatch.setattr("report.page.draw_all", lambda *given: [])
    torch.save(timm.create_model("resnet18", num_classes=2, in_chans=1).state_dict(), "my.pth")
    torch.save(torchvision.models.resnet18(num_classes=2).state_dict(), "my_resnet.pth")
    program = torch.export.export(home.net, (torch.rand(2, 1, 16, 16),), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.export.save(program, "my_classifier.pt2")
    config = Path("my.yaml").read_text()
    (line,) = [line for line in config.splitlines() if "my_package.MyNet" in line]
    for other in block(DOCS / "own-images.md", "yaml", "networks.TimmModel").splitlines():
        Path("other.yaml").write_text(config.replace(line, "  " + other).replace("runs/mine", "runs/other"))
        explain.main(["--config=other.yaml", *TINY_OWN, *NO_CONTROLS, *QUIET, *NO_LOGGER])
        assert len(pd.read_parquet("runs/other/counterfactuals.parquet")) == 2


def test_yaml_can_be_read() -> None:
    found = [text for page in GUIDES for text in blocks(page, "yaml")]
    assert len(found) == 6
    assert all(isinstance(yaml.safe_load(text), dict) for text in found)
    (adapter,) = [yaml.safe_load(text)["adapter"] for text in found if text.startswith("adapter:")]
    assert adapter["class_path"] == "networks.Adapter"
    Adapter(torch.nn.Flatten(), **adapter["init_args"])
    (chart,) = [yaml.safe_load(text)["chart"] for text in found if text.strip().startswith("chart:")]
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--chart", type=Chart)
    generator = parser.parse_object({"chart": chart}).chart.init_args.generator
    assert generator.init_args.generator.class_path == "networks.StyleGenerator"


# --- what the results folder holds


def _described(table: str) -> dict[str, str]:
    """Name → dtype of a table of the page, whose first column may name several."""
    rows = re.findall(r"^\| (`[^|]+`) \| (\w+) \|", table, re.MULTILINE)
    return {name: dtype for names, dtype in rows for name in re.findall(r"`([^`]+)`", names)}


def _section(title: str) -> str:
    (text,) = re.findall(rf"^## `{re.escape(title)}`\n(.*?)(?=^## )", _page(), re.DOTALL | re.MULTILINE)
    return text


def _page() -> str:
    return (DOCS / "results-folder.md").read_text() + "\n## \n"


def _is_described(name: str, dtype: str, described: dict[str, str]) -> bool:
    own = re.sub(r"^(control|paper_control)_", "", name)
    own = re.sub(r"oracle_(svm|cnn|noisy)$", "oracle_NAME", own)
    return described.get(name, described.get(own)) == dtype


def test_columns_are_as_described(home: Home) -> None:
    home.run_until(DOCS / "own-images.md")
    described = _described(_section("counterfactuals.parquet"))
    table = pd.read_parquet("runs/digits/explain/counterfactuals.parquet")
    said = {str(name): str(dtype).replace("object", "str") for name, dtype in table.dtypes.items()}
    assert [f"{name} {dtype}" for name, dtype in said.items() if not _is_described(name, dtype, described)] == []
    elsewhere = {"probability", "relaxation", "label_variation", "label_variation_NAME", "attributes_changed", "lpips"}
    elsewhere |= {"told_NAME", "shift_NAME"}
    elsewhere |= {f"{a}_{b}" for a in ("attribution", "refined") for b in ("rank", "overlap")}
    elsewhere |= {f"{a}{b}" for a in ("", "refined_", "change_") for b in ("deletion", "insertion")}
    elsewhere |= {"heads_agree", "distance", "matched", "oracle_NAME"} | {f"{w}_oracle_NAME" for w in _BEFORE}
    assert set(described) - set(said) == elsewhere


_BEFORE = ("source", "reconstruction")


@pytest.mark.parametrize("file", ["counterfactuals.safetensors", "neighbours.safetensors"])
def test_tensors_are_as_described(home: Home, file: str) -> None:
    home.run_until(DOCS / "own-images.md")
    described = _described(_section(file))
    tensors = load_file(f"runs/digits/explain/{file}")
    assert {name: str(t.dtype).removeprefix("torch.") for name, t in tensors.items()} == {
        name: dtype for name, dtype in described.items() if "path" not in name
    }


def test_files_are_as_described(home: Home) -> None:
    home.run_until(DOCS / "tracking.md")
    (table,) = re.findall(r"^## After `explain\.py`\n(.*?)^The report", _page(), re.DOTALL | re.MULTILINE)
    first = " ".join(re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE))
    names = {name.rstrip("/") for name in re.findall("`(.+?)`", first)}
    there = {file.name for file in Path("runs/digits/explain").iterdir()} - {".lock"}
    assert there <= names
    asked = {"tangents", "csv", "wandb", "shards", "figures", "attributions.safetensors"}
    assert names - there <= asked, "what this run was not asked for"
