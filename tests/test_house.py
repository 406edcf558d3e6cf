"""The house: which rooms there are, how big they are, and that imports run one way (CONTRIBUTING.md draws it)."""

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.runs import ROOT

MOST_FILES = 15  # of code in a folder, on one level
MOST_LINES = 0.25  # of all code, in one folder of the first level


def layers() -> list[list[str]]:
    """Names of packages and modules, from the top down; those of a line do not import each other."""
    (drawing,) = re.findall(r"```layers\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    return [re.findall(r"\w+", line.partition(" #")[0]) for line in drawing.splitlines()]


def modules() -> dict[str, Path]:
    """Dotted name → file, of all that is installed."""
    files = (file for names in layers() for name in names for file in _files(name))
    return {".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f for f in files}


def _files(name: str) -> Iterator[Path]:
    yield from [ROOT / f"{name}.py"] if (ROOT / f"{name}.py").is_file() else sorted((ROOT / name).rglob("*.py"))


def imports(source: str, known: dict[str, Path]) -> set[str]:
    """Our own modules that a module imports; a name that a package passes on counts as the package."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            full = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in known else node.module for name in full}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & known.keys()


def upward(known: dict[str, Path]) -> list[str]:
    """Imports from a layer above, or beside."""
    level = {name: i for i, names in enumerate(layers()) for name in names}
    wrong = []
    for module, file in known.items():
        own = module.partition(".")[0]
        for other in imports(file.read_text(), known):
            theirs = other.partition(".")[0]
            if theirs != own and level[theirs] <= level[own]:
                wrong.append(f"{module} imports {other}")
    return wrong


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; empty where there is none."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        found = next((c for other in sorted(graph[module]) if (c := visit(other, [*path, module]))), [])
        done.add(module)
        return found

    return next((c for module in graph if (c := visit(module, []))), [])


def test_every_package_has_a_layer() -> None:
    named = {name for names in layers() for name in names}
    packages = {p.parent.name for p in ROOT.glob("*/__init__.py")} | {p.stem for p in ROOT.glob("*.py")}
    assert packages - {"tests"} == named


def test_imports_run_down() -> None:
    assert not upward(modules())


def test_nothing_imports_itself_in_a_circle() -> None:
    known = modules()
    # A package's __init__ imports its modules, and these other packages: what counts is who needs whom.
    graph = {m: {o for o in imports(f.read_text(), known) if not _contains(o, m)} for m, f in known.items()}
    assert not circle(graph)


def _contains(package: str, module: str) -> bool:
    return module.startswith(f"{package}.")


def test_an_import_that_runs_up_or_round_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from callbacks import Report")
    known = modules() | {"networks.a": tmp_path / "a.py"}
    assert upward(known) == ["networks.a imports callbacks"]
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"] and not circle({"a": {"b"}, "b": set()})


def test_no_room_is_too_full() -> None:
    lines = {module: len(file.read_text().splitlines()) for module, file in modules().items()}
    for package in {module.partition(".")[0] for module in lines}:
        share = sum(n for module, n in lines.items() if module.partition(".")[0] == package) / sum(lines.values())
        assert share <= MOST_LINES, f"{package} has {share:.0%} of the lines"


@pytest.mark.parametrize("top", ["benchmarks", "tests", *sorted({m.partition(".")[0] for m in modules()})])
def test_no_floor_is_too_long(top: str) -> None:
    for folder in [ROOT / top, *(ROOT / top).rglob("*/")]:
        if folder.is_dir() and folder.name != "__pycache__":
            files = [f.name for f in folder.iterdir() if f.is_file() and f.suffix in (".py", ".js", ".css", ".html")]
            assert len(files) <= MOST_FILES, f"{folder.relative_to(ROOT)} has {len(files)} files"


def test_what_is_no_python_is_installed_too() -> None:
    """Templates, styles and scripts are missing from a wheel unless setup.cfg names them."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    given = {name: [g.strip() for g in globs.split(",")] for name, globs in config["options.package_data"].items()}
    for top in {module.partition(".")[0] for module in modules()}:
        for file in (ROOT / top).rglob("*.*"):
            package = ".".join(file.parent.relative_to(ROOT).parts)
            if file.suffix not in (".py", ".pyc") and file.is_file():
                assert any(file.match(glob) for glob in given.get(package, [])), f"{file.relative_to(ROOT)} is left out"
