"""Networks that a config makes anew for an explain run: they would have random weights, and say nothing."""

from typing import Any

from cli.specs import specs

#: whose networks have no weights but those that an argument names; a user's own class may load its own
PACKAGES = ("networks", "timm", "torchvision")
WEIGHTS = ("weights", "path", "checkpoint_path", "pretrained")
#: what has no weights of its own, or learns them from the training split in the run itself
EXEMPT = ("Committee", "LinearSVM")


def untrained(value: Any, key: str) -> list[str]:
    """A sentence on each network below ``key`` of a config that is given no weights."""
    problems: list[str] = []
    given_to: tuple[str, ...] = ()  # users' classes: what they do with the networks that they are given is theirs
    for spec in specs(value, key):
        package, name = spec.path.partition(".")[0], spec.path.rpartition(".")[2]
        if spec.key.startswith(given_to or ("\n",)):
            continue
        weights = any(spec.arguments.get(argument) for argument in WEIGHTS)
        if name == "Adapter" and package == "networks" and not weights:
            continue  # what is in it has its own
        if package in PACKAGES and name not in EXEMPT:
            given_to += (f"{spec.key}.",)
            if not weights:
                problems.append(
                    f"{spec.key}: {spec.path} is given no weights, and would be a random network: give the checkpoint "
                    "of a training (runs/…/best.ckpt), a file of weights (TimmModel, Adapter: weights), Exported, "
                    "TorchScript, HuggingFace, or a class that loads its own"
                )
        elif package not in ("callbacks", *PACKAGES):
            given_to += (f"{spec.key}.",)
    return problems
