"""Crafted checkpoints: each is a good one, changed so that reading or using it would do something.

Kinds from public advisories are among them: pickles with code (CVE-2024-5452 and CVE-2026-31221, Lightning), unpickling
in spite of ``weights_only`` (CVE-2025-32434: legacy archives; CVE-2026-24747: item assignment to what is no dictionary,
storages shorter than they claim), TorchScript archives, and jsonargparse's building of whatever a value names.
"""

import copy
import io
import json
import os
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.distributed.device_mesh import DeviceMesh

Checkpoint = dict[str, Any]
Write = Callable[[Path, Checkpoint, Path], None]


class Runs:
    """Calls a function with arguments when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return (self.function, self.arguments)


def touch(canary: Path) -> str:
    return f"touch {canary}"


def popen(canary: Path) -> dict[str, Any]:
    return {"class_path": "subprocess.Popen", "init_args": {"args": touch(canary), "shell": True}}


def graph_module(canary: Path) -> dict[str, Any]:
    """A function that is annotated to return a module, and executes one of its arguments."""
    code = f"import os; os.system('{touch(canary)}')"
    body = {"_code": "def forward(self, x): return x"}
    path = "torch.fx.graph_module.reduce_graph_module"
    return {"class_path": path, "init_args": {"body": body, "import_block": code}}


def in_pickle(make: Callable[[Path], Any], **how: Any) -> Write:
    def write(file: Path, good: Checkpoint, canary: Path) -> None:
        torch.save({**good, "more": make(canary)}, file, **how)

    return write


def raw(make: Callable[[Path], Any]) -> Write:
    def write(file: Path, good: Checkpoint, canary: Path) -> None:
        file.write_bytes(pickle.dumps(make(canary)))

    return write


def changed(change: Callable[[Checkpoint, Path], Any]) -> Write:
    """The good checkpoint after ``change`` has worked on a copy, or what that returns."""

    def write(file: Path, good: Checkpoint, canary: Path) -> None:
        checkpoint = copy.deepcopy(good)
        torch.save(changed if (changed := change(checkpoint, canary)) is not None else checkpoint, file)

    return write


def network(value: Callable[[Path], Any]) -> Write:
    return changed(lambda c, canary: c["hyper_parameters"].update(network=value(canary)))


def loss(value: Callable[[Path], Any]) -> Write:
    return changed(lambda c, canary: c["hyper_parameters"].update(loss=value(canary)))


def dims_in(value: Callable[[Path], Any]) -> Write:
    """As the value of an argument without a type."""
    return loss(lambda canary: {"class_path": "networks.flows.ActNorm", "init_args": {"dims_in": value(canary)}})


def top(**entries: Callable[[Path], Any]) -> Write:
    return changed(lambda c, canary: c.update({k: v(canary) for k, v in entries.items()}))


def hyper(**entries: Any) -> Write:
    return changed(lambda c, canary: c["hyper_parameters"].update(entries))


def init_args(**entries: Any) -> Write:
    return changed(lambda c, canary: c["hyper_parameters"]["network"]["init_args"].update(entries))


def archive(records: Callable[[bytes, Path], dict[str, bytes]]) -> Write:
    """The good file with records replaced or added; ``records`` is given its pickle."""

    def write(file: Path, good: Checkpoint, canary: Path) -> None:
        buffer = io.BytesIO()
        torch.save(good, buffer)
        with zipfile.ZipFile(buffer) as source:
            found = {i.filename: source.read(i) for i in source.infolist()}
        root = next(iter(found)).split("/")[0]
        found |= {f"{root}/{k}": v for k, v in records(found[f"{root}/data.pkl"], canary).items()}
        with zipfile.ZipFile(file, "w") as target:
            for name, content in found.items():
                target.writestr(name, content)

    return write


def _set_item_on_a_string(pkl: bytes, canary: Path) -> dict[str, bytes]:
    return {"data.pkl": b"\x80\x02X\x01\x00\x00\x00aK\x00K\x01s."}


def _set_items_on_a_list(pkl: bytes, canary: Path) -> dict[str, bytes]:
    return {"data.pkl": b"\x80\x02](K\x00K\x01K\x05K\x02u."}


def _build_on_a_number(pkl: bytes, canary: Path) -> dict[str, bytes]:
    return {"data.pkl": b"\x80\x02K\x07}X\x01\x00\x00\x00aK\x01sb."}


def _without_memo(pkl: bytes, canary: Path) -> dict[str, bytes]:
    return {"data.pkl": b"\x80\x02h\xff."}


def _inserted_call(pkl: bytes, canary: Path) -> dict[str, bytes]:
    """os.system before the honest content: run it, and forget what it returned."""
    call = b"cposix\nsystem\nX" + len(touch(canary)).to_bytes(4, "little") + touch(canary).encode() + b"\x85R0"
    start = next(p for op, _, p in pickletools.genops(pkl) if op.name != "PROTO" and p is not None)
    return {"data.pkl": pkl[:start] + call + pkl[start:]}


def _short_storage(pkl: bytes, canary: Path) -> dict[str, bytes]:
    return {"data/0": b"\0"}


def torch_script(file: Path, good: Checkpoint, canary: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(file))


def stretched(checkpoint: Checkpoint, canary: Path) -> None:
    checkpoint["state_dict"] = {k: torch.zeros(1).expand(10**12) for k in checkpoint["state_dict"]}


def deep(file: Path, good: Checkpoint, canary: Path) -> None:
    """By hand: Python's pickler does not go that far down."""
    levels = 3000
    opened = b"}X\x01\x00\x00\x00a" * levels
    pkl = (
        b"\x80\x02}(X\x0a\x00\x00\x00state_dict}X\x10\x00\x00\x00hyper_parameters"
        + opened
        + b"}"
        + b"s" * levels
        + b"u."
    )
    archive(lambda _, c: {"data.pkl": pkl})(file, good, canary)


EXPORTED = {"class_path": "networks.Exported", "init_args": {"path": "evil.pt2"}}
TIMM = {"num_classes": 10, "in_chans": 1}


def timm(**given: Any) -> Write:
    return network(lambda _: {"class_path": "networks.TimmModel", "init_args": {**TIMM, **given}})


#: what any use of a checkpoint must refuse
CORPUS: dict[str, Write] = {
    "pickle-system": in_pickle(lambda c: Runs(os.system, touch(c))),
    "pickle-eval": in_pickle(lambda c: Runs(eval, f"__import__('os').system('{touch(c)}')")),
    "pickle-legacy": in_pickle(lambda c: Runs(os.system, touch(c)), _use_new_zipfile_serialization=False),
    "pickle-raw": raw(lambda c: Runs(os.system, touch(c))),
    "pickle-import": in_pickle(lambda c: Runs(__import__, "evilmod")),
    "pickle-open": in_pickle(lambda c: Runs(open, str(c), "w")),
    "pickle-unlink": in_pickle(lambda c: Runs(os.unlink, str(c.parent / "victim.txt"))),
    "pickle-torch-load": in_pickle(lambda c: Runs(torch.load, "evil.pt")),
    "pickle-in-state-dict": changed(lambda ck, c: ck["state_dict"].update(x=Runs(os.system, touch(c)))),
    "pickle-in-hparams": changed(lambda ck, c: ck["hyper_parameters"].update(x=Runs(os.system, touch(c)))),
    "pickle-device-mesh": in_pickle(lambda c: Runs(DeviceMesh, "cpu", [0])),
    "pickle-exception": in_pickle(lambda c: SystemExit(0)),
    "pickle-module": in_pickle(lambda c: torch.nn.Linear(1, 1)),
    "pickle-inserted-call": archive(_inserted_call),
    "pickle-set-item": archive(_set_item_on_a_string),
    "pickle-set-items": archive(_set_items_on_a_list),
    "pickle-build": archive(_build_on_a_number),
    "pickle-memo": archive(_without_memo),
    "archive-short-storage": archive(_short_storage),
    "archive-torchscript": torch_script,
    "archive-code": archive(lambda pkl, c: {"code/__torch__.py": b"import os", "constants.pkl": b"\x80\x02)."}),
    "json-network": network(lambda c: json.dumps(graph_module(c))),
    "json-loss": loss(lambda c: json.dumps(graph_module(c))),
    "yaml-loss": loss(lambda c: f"class_path: subprocess.Popen\ninit_args: {{args: '{touch(c)}', shell: true}}"),
    "function-network": network(graph_module),
    "old-key-hparams": top(hparams=lambda c: {"loss": graph_module(c)}, hyper_parameters=lambda c: {}),
    "old-key-module_arguments": top(module_arguments=lambda c: {"loss": popen(c)}, hyper_parameters=lambda c: {}),
    "popen-network": network(popen),
    "popen-loss": loss(popen),
    "popen-optimizer": changed(lambda ck, c: ck["hyper_parameters"].update(optimizer=popen(c))),
    "untyped-popen": dims_in(popen),
    "untyped-dlopen": dims_in(lambda c: {"class_path": "ctypes.CDLL", "init_args": {"name": "evil.so"}}),
    "untyped-zipfile": dims_in(
        lambda c: {"class_path": "zipfile.ZipFile", "init_args": {"file": str(c.parent / "victim.txt"), "mode": "w"}}
    ),
    "untyped-handler": dims_in(lambda c: {"class_path": "logging.FileHandler", "init_args": {"filename": str(c)}}),
    "untyped-in-list": dims_in(lambda c: [popen(c)]),
    "untyped-path": dims_in(lambda c: {"class_path": "pathlib.Path", "init_args": {"args": [str(c)]}}),
    "import-string": loss(lambda c: "evilmod.Net"),
    "import-list": dims_in(lambda c: ["evilmod.Net"]),
    "import-class": network(lambda c: {"class_path": "evilmod.Net"}),
    "import-task": hyper(_class_path="evilmod.ClassifierModule"),
    "import-by-us": network(lambda c: {"class_path": "networks.cnn.torch.os.system"}),
    "instantiator": hyper(_instantiator="os.system", _class_path="subprocess.Popen"),
    "task-popen": hyper(_class_path="subprocess.Popen"),
    "task-number": hyper(_class_path=3),
    "kwargs-popen": changed(lambda ck, c: ck["hyper_parameters"]["network"].update(dict_kwargs={"widths": popen(c)})),
    "mask-file": network(lambda c: {"class_path": "counterfactuals.MaskFile", "init_args": {"path": "evil.png"}}),
    "data-module": network(lambda c: {"class_path": "datamodules.ImageFolder", "init_args": {"root": str(c.parent)}}),
    "callback": network(lambda c: {"class_path": "callbacks.ResultWriter"}),
    "explain-module": network(lambda c: {"class_path": "lightning_modules.CounterfactualModule"}),
    "torch-hub": network(lambda c: {"class_path": "torch.hub.load", "init_args": {"repo_or_dir": "evil/evil"}}),
    "torch-jit": network(lambda c: {"class_path": "torch.jit.load", "init_args": {"f": "evil.pt"}}),
    "torch-file": network(lambda c: {"class_path": "torch.distributed.FileStore", "init_args": {"file_name": str(c)}}),
    "exported-beside": network(lambda c: EXPORTED),
    "timm-hub": timm(name="hf-hub:evil/evil"),
    "timm-local": timm(name="local-dir:evil"),
    "timm-weights": timm(name="resnet18", weights="evil.pth"),
    "timm-download": timm(name="resnet18", weights="pretrained"),
    "hparams-list": top(hyper_parameters=lambda c: [1, 2]),
    "hparams-text": top(hyper_parameters=lambda c: "network: networks.CNN"),
    "hparams-tensor": hyper(noise=torch.ones(1)),
    "hparams-number-keys": top(hyper_parameters=lambda c: {3: 4}),
    "hparams-deep": deep,
    "network-number": network(lambda c: 3),
    "network-optimizer": network(lambda c: {"class_path": "torch.optim.Adam"}),
    "network-list": network(lambda c: [popen(c)]),
    "widths-million": init_args(widths=[10**6, 10**6]),
    "widths-many": init_args(widths=[1] * 100_000),
    "widths-text": init_args(widths="32"),
    "classes-negative": init_args(num_classes=-1),
    "shape-huge": init_args(shape=[10**9, 8, 8]),
    "blocks-billion": changed(
        lambda ck, c: ck["hyper_parameters"].update(
            _class_path="lightning_modules.ClassifierModule",
            network={
                "class_path": "networks.MLP",
                "init_args": {"shape": [1, 8, 8], "num_classes": 10, "hidden": [1] * 10**5},
            },
        )
    ),
    "state-text": top(state_dict=lambda c: "weights"),
    "state-list": top(state_dict=lambda c: [torch.ones(2)]),
    "state-numbers": top(state_dict=lambda c: {3: torch.ones(2)}),
    "state-plain": top(state_dict=lambda c: {"network.head.bias": 3}),
    "state-stretched": changed(stretched),
    "state-sparse": changed(
        lambda ck, c: ck.update(state_dict={k: v.to_sparse() for k, v in ck["state_dict"].items()})
    ),
    "state-missing": changed(lambda ck, c: ck.pop("state_dict") and None),
    "state-other": top(state_dict=lambda c: OrderedDict(a=torch.ones(3))),
    "list": changed(lambda ck, c: [1, 2]),
    "empty": lambda file, good, c: file.write_bytes(b"") and None,
    "text": lambda file, good, c: file.write_text("not a checkpoint") and None,
    "zip": lambda file, good, c: file.write_bytes(b"PK\x03\x04 cut off") and None,
    "folder": lambda file, good, c: file.mkdir(),
}
