"""Crafted exported programs: a good one, with records replaced or added."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from networks import CNN
from tests.hostile.checkpoints import Runs, touch

Records = dict[str, bytes]
Write = Callable[[Records, Path], None]
MODEL, WEIGHTS = "models/model.json", "data/weights/model_weights_config.json"
CONSTANTS, INPUTS = "data/constants/model_constants_config.json", "data/sample_inputs/model.pt"


def good_program(file: Path) -> None:
    network = CNN([1, 8, 8], 3, widths=[4, 8]).eval()
    x = torch.rand(2, 1, 8, 8)
    torch.export.save(torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},)), file)


def records_of(file: Path) -> Records:
    with zipfile.ZipFile(file) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def write_records(file: Path, records: Records, *more: tuple[str, bytes]) -> None:
    writer = torch._C.PyTorchFileWriter(str(file))
    for name, content in [*records.items(), *more]:
        if not name.startswith(".data/") and name != "byteorder":  # which the writer adds itself
            writer.write_record(name, content, len(content))
    writer.write_end_of_file()


def code(canary: Path) -> str:
    return f"__import__('os').system('{touch(canary)}')"


def pickled(canary: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save(Runs(os.system, touch(canary)), buffer)
    return buffer.getvalue()


def in_model(change: Callable[[dict[str, Any], Path], Any]) -> Write:
    def write(records: Records, canary: Path) -> None:
        model = json.loads(records[MODEL])
        change(model, canary)
        records[MODEL] = json.dumps(model).encode()

    return write


def replaced(old: str, new: Callable[[Path], str]) -> Write:
    """All the occurrences of a text in the model's description."""

    def write(records: Records, canary: Path) -> None:
        text = records[MODEL].decode()
        assert old in text
        records[MODEL] = text.replace(old, json.dumps(new(canary))[1:-1]).encode()

    return write


def constant(prefix: str) -> Write:
    def write(records: Records, canary: Path) -> None:
        records[f"data/constants/{prefix}0"] = pickle.dumps(Runs(os.system, touch(canary)))
        meta = {"path_name": f"{prefix}0", "is_param": False, "use_pickle": True, "tensor_meta": None}
        records[CONSTANTS] = json.dumps({"config": {"c": meta}}).encode()

    return write


def pickled_weight(records: Records, canary: Path) -> None:
    config = json.loads(records[WEIGHTS])
    first = next(iter(config["config"].values()))
    first["use_pickle"] = True
    records[f"data/weights/{first['path_name']}"] = pickled(canary)
    records[WEIGHTS] = json.dumps(config).encode()


def legacy_weights(records: Records, canary: Path) -> None:
    records["data/weights/model.pt"] = pickled(canary)


def spec(tree: Callable[[Path], Any]) -> Write:
    def change(model: dict[str, Any], canary: Path) -> None:
        for call in model["graph_module"]["module_call_graph"]:
            if call["signature"]:
                call["signature"]["in_spec"] = json.dumps([1, tree(canary)])

    return in_model(change)


def leaf(kind: str, context: str) -> Callable[[Path], Any]:
    return lambda canary: {"type": kind, "context": context, "children_spec": []}


def target(name: str, *inputs: dict[str, Any]) -> Write:
    """The first node calls something else."""

    def change(model: dict[str, Any], canary: Path) -> None:
        node = model["graph_module"]["graph"]["nodes"][0]
        text = {"name": "command", "arg": {"as_string": touch(canary)}, "kind": 1}
        node["target"], node["inputs"] = name, [text, *inputs]

    return in_model(change)


ENUM = json.dumps({"__enum__": True, "fqn": "evilmod:Net", "name": "a"})
FACTORY = json.dumps({"default_factory_module": "evilmod", "default_factory_name": "Net", "dict_context": []})
SYMBOL = "Symbol('s77', positive=True, integer=True)"
PROGRAMS: dict[str, Write] = {
    "pickled-weight": pickled_weight,
    "pickled-weights": legacy_weights,
    "pickled-inputs": lambda records, c: records.update({INPUTS: pickled(c)}),
    "pickled-constant": constant("tensor_"),
    "opaque-constant": constant("opaque_obj_"),
    "custom-constant": constant("custom_obj_"),
    "guard": in_model(lambda m, c: m.update(guards_code=[f"({code(c)} or 1) == 1"])),
    "guard-of-names": in_model(lambda m, c: m.update(guards_code=["eval(chr(49)) == 1"])),
    "guard-attribute": in_model(lambda m, c: m.update(guards_code=["torch.os.getcwd() != 1"])),
    "size": replaced(SYMBOL, code),
    "size-of-names": replaced(SYMBOL, lambda c: "exec(chr(49)+chr(50))"),
    "size-lambda": replaced(SYMBOL, lambda c: "(lambda: 3)()"),
    "spec-enum": spec(leaf("builtins.dict", ENUM)),
    "spec-factory": spec(leaf("collections.defaultdict", FACTORY)),
    "spec-class": spec(leaf("evilmod.Net", "[]")),
    "target-system": target("torch.os.system"),
    "target-load": target("torch.load"),
    "target-import": target("torch.hub.importlib.import_module"),
    "target-methodcaller": target("_operator.methodcaller"),
    "target-file": target("torch.ops.aten.from_file.default"),
    "target-library": target("torch.ops.load_library"),
    "target-extension": target("#evil:x"),
    "operator-argument": in_model(
        lambda m, c: m["graph_module"]["graph"]["nodes"][0]["inputs"].append(
            {"name": "f", "arg": {"as_operator": "torch.os.system"}, "kind": 1}
        )
    ),
    "input-name": replaced('"x"', lambda c: f"x={code(c)}"),
    "input-name-line": replaced('"x"', lambda c: f"x):\n    {code(c)}\ndef g("),
    "library": lambda records, c: records.update({"data/aotinductor/model/evil.so": b"\x7fELF"}),
    "script": lambda records, c: records.update({"data/evil.py": b"import os"}),
    "out-of-the-folder": lambda records, c: records.update({"../evil.json": b"{}"}),
    "no-model": lambda records, c: records.pop(MODEL) and None,
    "model-list": lambda records, c: records.update({MODEL: b"[1, 2]"}),
    "model-deep": lambda records, c: records.update({MODEL: b"[" * 100_000}),
    "model-text": lambda records, c: records.update({MODEL: b"\xff\xfe"}),
    "config-text": lambda records, c: records.update({WEIGHTS: b"nothing"}),
    "weight-short": lambda records, c: records.update({"data/weights/weight_0": b"\0\0\0\0"}),
}
