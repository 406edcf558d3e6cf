"""What the command lines and ``explain(...)`` answer to bad values, case by case.

python -m benchmarks.robustness.bad_values --home bad_values                      # all cases of bad_values.txt
python -m benchmarks.robustness.bad_values --home bad_values --only slots,py_     # those whose names begin so
python -m benchmarks.robustness.bad_values --home bad_values --tree ../before     # another checkout of the package

Models are trained for a moment, once, into the folder ``--home``. Every case runs in a child that is forked from one
process which has imported everything, with a time limit, and is judged mechanically:

- ``traceback``, ``hang``: as they say. ``silent``: exit code 0 where it should have been refused.
- ``clear``: one error of at most four lines that names the argument and the value, and nothing of jsonargparse's
  and Lightning's insides. ``unclear``: another error.
- ``accepted``: rightly so. ``refused``: wrongly so.

Writes ``results.json`` into the home, and ``table.md`` with ``--rows`` of the answers; prints one line a case and the
counts.
"""

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).with_suffix(".txt")
LIMIT = 60.0  # seconds for a case
LINES, LENGTH = 4, 900  # of an error that is read
#: what a user should never see
INSIDES = (
    "Expected a path",
    "Union",
    "Problem with given class_path",
    "<class '",
    "Namespace(",
    "typing.",
    "init_args=",
)
QUIET = (
    "--trainer.enable_progress_bar=false --trainer.enable_model_summary=false --trainer.accelerator=cpu "
    "--trainer.logger=false"
)
EXPLAIN = (
    "--config {configs}/digits/explain_4_to_9.yaml --data.predict_limit 3 --trainer.callbacks null "
    f"--model.control null --model.paper_control null {QUIET} --trainer.default_root_dir {{out}} "
)
SHORT = "--trainer.max_epochs 1 --trainer.limit_train_batches 2 --trainer.limit_val_batches 1 "
FIT = f"--config {{configs}}/digits/classifier.yaml {QUIET} {SHORT} --trainer.default_root_dir {{out}} "
IMAGES = (
    f"--config {{configs}}/image_folder/classifier.yaml {QUIET} --trainer.max_steps 2 "
    "--trainer.default_root_dir {out} "
)
#: section → program, and the words before a case's own
COMMANDS = {
    "explain": ("explain", EXPLAIN),
    "callbacks": ("explain", EXPLAIN + "--config {file} "),
    "config": ("explain", EXPLAIN + "--config {file} "),
    "fit": ("train", "fit " + FIT),
    "test": ("train", "test " + FIT),
    "images": ("train", "fit " + IMAGES),
    "train": ("train", ""),
    "report": ("explain", "report "),
}
FILES = {
    "victim.txt": "a file\n",
    "y/tab.yaml": "model:\n\tslots: 3\n",
    "y/list.yaml": "- a\n- b\n",
    "y/empty.yaml": "",
    "y/int.yaml": "7\n",
    "y/good.yaml": "model: {slots: 3}\n",
    "y/dup.yaml": "model:\n  slots: 3\n  slots: 4\n",
    "y/dup_deep.yaml": "model:\n  method:\n    class_path: counterfactuals.Ascent\n    init_args:\n      max_steps: 3\n"
    "      max_steps: 400\n",
    "y/method_dup.yaml": "class_path: counterfactuals.Ascent\ninit_args: {max_steps: 3, max_steps: 400}\n",
    "y/unclosed.yaml": "model: {slots: 3\n",
    "y/key_int.yaml": "3: 4\n",
    **dict.fromkeys(("w/pointer.safetensors", "w/pointer.ckpt"), "version https://git-lfs.github.com/spec/v1\noid a\n"),
    **dict.fromkeys(("w/page.pth", "w/page.ckpt"), "<!DOCTYPE html>\n<html></html>\n"),
    "w/empty.pth": "",
    "w/text.pth": "hello\n",
    "my_broken.py": "import no_such_package\n",
    "my_classes.py": '''
import torch
from pytorch_lightning import Callback
from networks import CNN

class LoadingNet(torch.nn.Module):
    """A user's own network: it loads its weights."""

    def __init__(self, weights: str):
        super().__init__()
        self.network = CNN([1, 8, 8], 10, [32, 64])
        self.network.load_state_dict(torch.load(weights))

    def forward(self, x):
        return self.network(x)

class InPlaceNet(LoadingNet):
    def forward(self, x):
        x -= 0.1
        return self.network(x)

class TupleNet(LoadingNet):
    def forward(self, x):
        return self.network(x), x

class DetachedNet(LoadingNet):
    def forward(self, x):
        return self.network(x).detach()

class NumpyNet(LoadingNet):
    def forward(self, x):
        return self.network(x).detach().numpy()

class IntegerNet(LoadingNet):
    def forward(self, x):
        return self.network(x).round().long()

class WideNet(torch.nn.Module):
    def forward(self, x):
        return x

class RaisingNet(torch.nn.Module):
    def __init__(self, kind: str):
        super().__init__()
        if kind == "file":
            open("no_weights.pth")
        raise {"value": ValueError, "runtime": RuntimeError, "type": TypeError}[kind]("the weights are of 2019")

class RaisingCallback(Callback):
    def __init__(self):
        raise ValueError("no licence")
''',
}


@dataclass
class Case:
    """One line of the list."""

    name: str
    section: str
    given: str
    accept: bool
    words: list[str]  # that an answer must hold


@dataclass
class Outcome:
    """What came of a case."""

    name: str
    section: str
    given: str
    verdict: str
    rc: int | None
    seconds: float
    said: str


def read_cases(text: str) -> list[Case]:
    """The cases of ``bad_values.txt``."""
    cases, section = [], ""
    for line in text.splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = header[1]
        elif line and not line.startswith("#"):
            case, _, words = line.partition(" => ")
            name, _, given = case.partition(" ")
            named = [w.strip() for w in words.split(",")] if words else expected(section, given.strip())
            cases.append(Case(name.lstrip("+"), section, given.strip(), name.startswith("+"), named))
    return cases


def expected(section: str, given: str) -> list[str]:
    """The argument's own name and the value, by which a user finds what was wrong."""
    if section in ("callbacks", "config"):
        found = leaf(yaml.safe_load(given.partition(" ")[2] if section == "callbacks" else given))
        return found or ([given.split(maxsplit=1)[0].rpartition(".")[2]] if section == "callbacks" else [])
    if section == "python":
        return ["|".join(re.findall(r"(\w+)=", given) + re.findall(r"my_classes\.(\w+)", given))]
    words = shlex.split(given)
    flags = [i for i, word in enumerate(words) if word.startswith("--")]
    if not flags:
        return []
    flag, _, value = words[flags[-1]].partition("=")
    value = value or " ".join(words[flags[-1] + 1 :])
    return [flag.rpartition(".")[2].lstrip("-"), *([] if value in ("", "null") else [value])]


def leaf(value: Any) -> list[str]:
    """The last keys of nested values, any of which may be named, and what stands there."""
    keys: list[str] = []
    while (isinstance(value, dict) and value) or (isinstance(value, list) and len(value) == 1):
        key, value = list(value.items())[-1] if isinstance(value, dict) else ("", value[0])
        keys += [str(key)] if key not in ("", "init_args", "class_path") else []
    named = ["|".join(keys[-2:])] if keys else []
    return named + ([str(value)] if value not in ("", None, {}, []) else [])


def names(message: str, word: str) -> bool:
    """Whether a message holds a word, or a value as Python writes it."""
    if "|" in word:
        return any(names(message, part) for part in word.split("|"))
    plain = message.casefold().replace("_", " ").replace("'", "").replace('"', "")
    spellings = {word, word.strip("[]"), word.lstrip("."), word.rpartition(".")[2]}
    with contextlib.suppress(ValueError, OverflowError):
        spellings |= {str(float(word)), f"{float(word):g}", str(int(float(word)))}
    return any(s.casefold().replace("_", " ").replace("'", "").replace('"', "") in plain for s in spellings if s)


def judge(case: Case, rc: int | None, output: str) -> tuple[str, str]:
    """The verdict, and what was said."""
    if rc is None:
        return "hang", output[-200:]
    if "Traceback (most recent call last)" in output or rc < 0:
        return "traceback", output.strip().rpartition("\n")[2]
    if rc == 0:
        return ("accepted" if case.accept else "silent"), output.strip().rpartition("\n")[2]
    said = output[output.rfind("\nerror: ") + 1 :] if "\nerror: " in "\n" + output else output
    said = said[max(0, said.find("error: ")) :].strip()
    if case.accept:
        return "refused", said
    short = said.count("\n") < LINES and len(said) <= LENGTH
    clear = said.startswith("error: ") and short and not any(inside in said for inside in INSIDES)
    return ("clear" if clear and all(names(said, word) for word in case.words) else "unclear"), said


def forked(task: Callable[[], None], output: Path, limit: float = LIMIT) -> tuple[int | None, float]:
    """Run a task in a child of its own process group; its exit code (``None`` where it took too long), and seconds."""
    start = time.monotonic()
    if (child := os.fork()) == 0:
        os.setsid()
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for descriptor in (1, 2):
            os.dup2(file, descriptor)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        code = 1
        try:
            task()
            code = 0
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
            code = 1 if isinstance(end.code, str) else int(end.code or 0)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    while time.monotonic() - start < limit:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status), time.monotonic() - start
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None, limit


def command(case: Case, home: Path, tree: Path) -> tuple[str, list[str]]:
    """Program and words; the config of a case is written first."""
    program, before = COMMANDS[case.section]
    file, words = home / "configs_of_cases" / f"{case.name}.yaml", shlex.split(case.given)
    if case.section in ("callbacks", "config"):
        text = case.given
        if case.section == "callbacks":
            class_path, _, arguments = case.given.partition(" ")
            text = f"{{trainer: {{callbacks: [{{class_path: {class_path}, init_args: {arguments}}}]}}}}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        words = []
    out = home / "out" / case.name
    if case.section == "train":
        words += (
            [*QUIET.split()[:3], f"--trainer.default_root_dir={out}"]
            if "--config" in words[:2] and words[0] == "fit"
            else []
        )
        words = [w.replace("configs/", f"{tree}/configs/") for w in words]
    return program, [*before.format(configs=tree / "configs", out=out, file=file).split(), *words]


def run_case(case: Case, home: Path, tree: Path) -> Outcome:
    task = (
        partial(call_explain, case.given)
        if case.section == "python"
        else partial(call_program, *command(case, home, tree))
    )
    rc, seconds = forked(task, home / "output.txt")
    verdict, said = judge(case, rc, (home / "output.txt").read_text(errors="replace"))
    return Outcome(case.name, case.section, case.given, verdict, rc, round(seconds, 1), said)


def call_program(program: str, words: list[str]) -> None:
    """As ``python explain.py WORDS`` does."""
    from command_line import run

    module = __import__(program)
    sys.argv = [f"{program}.py", *words]
    run(module.main)


def call_explain(given: str) -> None:
    """``explain(predictor, chart, x, 9)`` with the case's arguments in place of these; its InputError is an answer."""
    import torch

    import counterfactuals
    import lightning_modules
    import networks
    from datamodules import Digits
    from networks.errors import InputError

    flow_module = lightning_modules.load("runs/digits/flow/best.ckpt", lightning_modules.FlowModule)
    test = Digits().split("test")
    x = test.__getitems__((test.y == 4).nonzero()[:3, 0].tolist())["x"]
    scope = {
        "torch": torch,
        "counterfactuals": counterfactuals,
        "networks": networks,
        "x": x,
        "flow_module": flow_module,
    }
    scope |= {"lightning_modules": lightning_modules}
    with contextlib.suppress(ImportError):
        scope["my_classes"] = __import__("my_classes")
    classifier = lightning_modules.load("runs/digits/classifier/best.ckpt", lightning_modules.ClassifierModule)
    arguments = {"predictor": classifier.network, "chart": flow_module.chart(), "x": x, "target": 9}
    try:
        counterfactuals.explain(**(arguments | eval(f"dict({given})", scope)))
    except InputError as error:
        sys.exit(f"error: {error}")


def prepare(home: Path) -> None:
    """Models, images and files, in a child: what trains should not have run where children are forked."""
    for name, text in FILES.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    (home / "y/latin1.yaml").write_bytes("model: {slots: 3} # é".encode("latin-1"))
    if not (home / "good.pt2").exists():
        rc, _ = forked(_train, home / "train.txt", 600)
        if rc != 0:
            raise SystemExit((home / "train.txt").read_text())


def _train() -> None:
    import torch

    import lightning_modules
    from tests.support.runs import fit, train_digits
    from tests.support.trees import write_image_folder, write_images

    train_digits()
    fit("digits/classifier.yaml", "--trainer.max_epochs=6", tiny=False)
    fit("digits/flow.yaml", "--trainer.max_epochs=6", "--trainer.callbacks=null", tiny=False)
    network = lightning_modules.load("runs/digits/classifier/best.ckpt", lightning_modules.ClassifierModule).network
    torch.save(network.state_dict(), "my_weights.pth")
    write_image_folder(Path("data/plain"))
    write_images(Path("data/one/a"), 20, 60)
    write_images(Path("data/emptycls/a"), 20, 60)
    Path("data/emptycls/b").mkdir()
    dynamic = ({0: torch.export.Dim.AUTO},)
    torch.export.save(torch.export.export(network, (torch.rand(2, 1, 8, 8),), dynamic_shapes=dynamic), "good.pt2")


def table(outcomes: list[Outcome], rows: int) -> str:
    """Markdown of what is given and what is said, from all parts of the list alike."""
    told = [
        o for o in outcomes if o.rc and o.section in ("explain", "config", "fit", "test", "images", "train", "report")
    ]
    chosen = [told[i * len(told) // rows] for i in range(min(rows, len(told)))]
    lines = ["| | given | answer |", "|---|---|---|"]
    for o in chosen:
        said = " ".join(o.said.removeprefix("error: ").split()).replace("|", "\\|")
        given = o.given.replace("|", "\\|")
        lines.append(f"| {o.section} | `{given}` | {said[:220]}{' …' if len(said) > 220 else ''} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("bad_values"))
    parser.add_argument("--tree", type=Path, default=Path(__file__).parents[2])
    parser.add_argument("--only", default="")
    parser.add_argument("--rows", type=int, default=80, help="of table.md")
    parser.add_argument("--quiet", action="store_true")
    args = parser.parse_args()
    home, tree = args.home.resolve(), args.tree.resolve()
    home.mkdir(parents=True, exist_ok=True)
    sys.path[:0] = [str(tree), str(home)]
    os.environ |= {"WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{tree}{os.pathsep}{home}"}
    os.chdir(home)
    import explain
    import train

    assert Path(explain.__file__).parent == Path(train.__file__).parent == tree
    prepare(home)
    shutil.rmtree(home / "out", ignore_errors=True)  # a run would go on where an earlier one ended
    outcomes = []
    for case in read_cases(CASES.read_text()):
        if case.name.startswith(tuple(args.only.split(","))):
            outcomes.append(run_case(case, home, tree))
            last = outcomes[-1]
            if not args.quiet:
                print(f"{last.verdict:10} {last.seconds:5} {last.name:24} {last.said[:400]!r}", flush=True)
    (home / "results.json").write_text(json.dumps([vars(o) for o in outcomes], indent=1, ensure_ascii=False))
    (home / "table.md").write_text(table(outcomes, args.rows))
    print(len(outcomes), dict(Counter(o.verdict for o in outcomes)))


if __name__ == "__main__":
    main()
