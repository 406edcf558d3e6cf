"""The one thing that every search method returns."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from enum import IntEnum
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from counterfactuals.output import file, html
from counterfactuals.output.words import named

FIRST = 10  # rows that a notebook shows of itself


class Status(IntEnum):
    """How the search for one sample ended."""

    FLIPPED = 0  #: the objective was reached
    TIMEOUT = 1  #: it was not reached within the allowed steps; the best point so far is kept
    ALREADY_TARGET = 2  #: the predictor gave the sample the target before any search
    FAILED = 3  #: a non-finite number appeared; the reason says where

    @property
    def word(self) -> str:
        """As tables have it, such as ``already_target``."""
        return self.name.lower()


@dataclass(frozen=True, repr=False)
class Counterfactuals:
    """Counterfactuals of N searches, one row each; all tensors are detached.

    Attributes:
        x: originals, N×``shape``.
        reconstruction: decode(encode(x)), N×``shape``, before any step.
        counterfactual: x′, N×``shape``; rounded to the grey values of images, where the search was told of them.
        z: encode(x), N×D.
        z_prime: latent that x′ was decoded from, N×D; encode(x′) is another one where x′ has been clipped or rounded.
        source: what the predictor says of x: its class, N int64, or its value, N float32.
        target: class or value to be reached, N.
        prediction: what the predictor says of x′, N.
        source_confidence: the objective's score of x: p_target(x) in [0, 1] for classes, the logit margin under
            ``ReachMargin``, and for values how far beyond the goal, in their unit, negative before it; N.
        confidence: the same of x′.
        steps: steps taken, N int64, with those that a method goes on for after its first hit.
        first_hit: steps until the first hit, N int64; −1 where there was none.
        status: ``Status`` codes, N int64.
        reasons: for a failed row why it failed, else "".
        path: points visited in x, N×T×``shape``, the last one repeated once a row has ended; ``None``
            unless the method was asked to keep it.
        relaxation: largest r in [0, 1] by which ``Relaxation`` reached the target, N, NaN where it did not;
            ``None`` for other methods.
    """

    x: Tensor
    reconstruction: Tensor
    counterfactual: Tensor
    z: Tensor
    z_prime: Tensor
    source: Tensor
    target: Tensor
    prediction: Tensor
    source_confidence: Tensor
    confidence: Tensor
    steps: Tensor
    first_hit: Tensor
    status: Tensor
    reasons: tuple[str, ...]
    path: Tensor | None = None
    relaxation: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def flipped(self) -> Tensor:
        """Rows that reached the target, N bool."""
        return self.status == Status.FLIPPED

    @property
    def searched(self) -> Tensor:
        """Rows that there was something to search for, N bool: all but ``already_target``."""
        return self.status != Status.ALREADY_TARGET

    def to(self, device: torch.device | str) -> "Counterfactuals":
        """The same rows on another device."""
        moved: dict[str, Any] = {
            f.name: v.to(device) for f in fields(self) if isinstance(v := getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)

    def take(self, rows: Tensor) -> "Counterfactuals":
        """The given rows (int64), in that order."""
        taken: dict[str, Any] = {
            f.name: v[rows] for f in fields(self) if isinstance(v := getattr(self, f.name), Tensor)
        }
        return replace(self, **taken, reasons=tuple(self.reasons[i] for i in rows.tolist()))

    def to_frame(self, class_names: Sequence[str] | None = None) -> pd.DataFrame:
        """One row a search, with the columns of ``counterfactuals.parquet``, for ``groupby``, ``to_csv`` and the like.

        Args:
            class_names: of the classes, in order: ``source``, ``target`` and ``prediction`` are then names.

        Returns:
            ``source``, ``target``, ``prediction``, ``confidence_before`` and ``confidence`` (of x and x′), ``status``
            in words, ``steps``, ``first_hit`` (−1 where there was none), ``l1_x`` and ``l2_x``, the norms of x′ − x
            over all values, ``relaxation`` where there is one, and ``reason``.

        Raises:
            InputError: names that are too few, or for values.
        """
        change = (self.counterfactual - self.x).flatten(1)
        classes = {name: named(getattr(self, name), class_names) for name in ("source", "target", "prediction")}
        numbers = {
            "confidence_before": self.source_confidence,
            "confidence": self.confidence,
            "status": [Status(s).word for s in self.status.tolist()],
            "steps": self.steps,
            "first_hit": self.first_hit,
            "l1_x": change.abs().sum(1),
            "l2_x": change.norm(dim=1),
            **({} if self.relaxation is None else {"relaxation": self.relaxation}),
            "reason": list(self.reasons),
        }
        columns = classes | {n: v.cpu().numpy() if isinstance(v, Tensor) else v for n, v in numbers.items()}
        return pd.DataFrame(columns)

    def save(self, path: str | Path) -> None:
        """Keep everything in one safetensors file, which appears whole or not at all; ``load`` reads it.

        Raises:
            InputError: the folder is not there, or ``path`` is one.
        """
        file.write(Path(path), self._tensors(), self.reasons)

    @staticmethod
    def load(path: str | Path) -> "Counterfactuals":
        """What ``save`` has written, on the CPU. A file from a stranger is safe to read: it holds no code.

        Raises:
            InputError: there is no such file, or it is not of ``save``, not whole, or does not fit together.
        """
        tensors, reasons = file.read(Path(path))
        known = {f.name: f for f in fields(Counterfactuals) if f.name != "reasons"}
        if missing := [name for name, f in known.items() if f.default is MISSING and name not in tensors]:
            raise file.not_ours(Path(path), f"there is no {missing[0]} in it")
        tensors = {name: tensors[name] for name in known if name in tensors}
        if problem := _disagreement(tensors, len(reasons)):
            raise file.not_ours(Path(path), problem)
        found: dict[str, Any] = dict(tensors)
        return Counterfactuals(**found, reasons=reasons)

    def _tensors(self) -> dict[str, Tensor]:
        return {f.name: v for f in fields(self) if isinstance(v := getattr(self, f.name), Tensor)}

    def __repr__(self) -> str:
        """One line: all tensors would fill pages."""
        return f"<Counterfactuals of shape {'×'.join(map(str, self.x.shape[1:]))}, {self._in_words()}>"

    def _in_words(self) -> str:
        counts = Counter(self.status.tolist())
        each = ", ".join(f"{counts[s]} {s.word.replace('_', ' ')}" for s in Status if counts[s])
        return f"{len(self)} searches: {each}"

    def _repr_html_(self) -> str:
        """How many searches ended how, and the first ten of them, with pictures where samples are images."""
        first = self.take(torch.arange(min(len(self), FIRST))).to("cpu")
        frame = first.to_frame().drop(columns=["first_hit", "l1_x", *([] if any(first.reasons) else ["reason"])])
        images = first.x.ndim == 4 and first.x.shape[1] in (1, 3)
        pictures = {"x": first.x, "x′": first.counterfactual} if images else {}
        more = f"; the first {FIRST}:" if len(self) > FIRST else ""
        return html.table(self._in_words() + more, {str(n): frame[n].tolist() for n in frame}, pictures)

    @staticmethod
    def join(parts: Sequence["Counterfactuals"]) -> "Counterfactuals":
        """The rows of all parts, one after the other."""
        frames = max((p.path.shape[1] for p in parts if p.path is not None), default=0)
        parts = [p if p.path is None else replace(p, path=_repeat_last(p.path, frames)) for p in parts]
        joined: dict[str, Any] = {
            f.name: torch.cat([getattr(p, f.name) for p in parts])
            for f in fields(parts[0])
            if isinstance(getattr(parts[0], f.name), Tensor)
        }
        return replace(parts[0], **joined, reasons=sum((p.reasons for p in parts), ()))


def _repeat_last(path: Tensor, frames: int) -> Tensor:
    """The same n×T×… with its last frame repeated until there are so many."""
    more = frames - path.shape[1]
    return torch.cat([path, path[:, -1:].expand(-1, more, *path.shape[2:])], 1) if more else path


def _disagreement(tensors: Mapping[str, Tensor], n: int) -> str | None:
    """Why tensors that were read cannot be those of n searches; ``None`` where they can."""
    for name, tensor in tensors.items():
        if not tensor.ndim or len(tensor) != n:
            rows = len(tensor) if tensor.ndim else "no"
            return f"{name} has {rows} rows, and there are reasons for {n}"
    shape = tensors["x"].shape
    for name, same in {"reconstruction": shape, "counterfactual": shape, "z_prime": tensors["z"].shape}.items():
        if tensors[name].shape != same:
            return f"{name} is of shape {tuple(tensors[name].shape)}, and not {tuple(same)}"
    for name in tensors.keys() - {"x", "reconstruction", "counterfactual", "z", "z_prime", "path"}:
        if tensors[name].ndim != 1:
            return f"{name} is of shape {tuple(tensors[name].shape)}, and not one number a row"
    known = torch.tensor([int(s) for s in Status])
    return None if torch.isin(tensors["status"], known).all() else "status holds codes that there are not"
