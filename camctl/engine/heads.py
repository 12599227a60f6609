"""The heads of a model: the tensors in its output that hold a row for each picture, and the one that is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from camctl.errors import Hint, InputError, UnknownNameError
from camctl.values.output import MOST_LISTED

if TYPE_CHECKING:
    from camctl.engine.last_functions import LastFunctions

DEEPEST = 4
"""Levels of lists and dicts that are looked into."""

FEATURES = re.compile(r"embed|feature|hidden|pool|latent", re.IGNORECASE)
"""What the names of outputs hold that are no scores."""

NAMELESS = {"", "logits", "out", "output", "outputs", "pred", "preds", "prediction", "predictions", "y"}
"""Names of outputs that say nothing about a value."""

ALIKE = 1e-3
"""Largest difference between probabilities and the probabilities of logits beside them."""


def tensors(raw: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in a model's output, named by keys, fields and indices, such as `aux.0`."""
    if isinstance(raw, Tensor):
        yield name, raw
        return
    if depth == DEEPEST or raw is None or isinstance(raw, str | bytes):
        return
    for key, value in _items(raw):
        yield from tensors(value, f"{name}.{key}" if name else str(key), depth + 1)


def _items(raw: Any) -> list[tuple[Any, Any]]:
    if isinstance(raw, Mapping):
        return list(raw.items())
    names: Sequence[str] = getattr(raw, "_fields", ())
    if is_dataclass(raw) and not isinstance(raw, type):
        names = [part.name for part in fields(raw)]
    if names:
        return [(name, getattr(raw, name)) for name in names]
    if isinstance(raw, list | tuple):
        return list(enumerate(raw))
    logits = getattr(raw, "logits", None)
    return [] if logits is None else [("logits", logits)]


def table(tensor: Tensor, count: int, *, several: bool = False) -> Tensor | None:
    """Return a head's output for `count` pictures as a table (N, K); None if it has no row for each picture.

    `several`: it may have several rows for each, as where a method puts the tokens of all blocks through the head.
    (N, C, 1, 1) loses its empty dimensions; (C,) is a batch of one that was squeezed, and (N,) one column.
    """
    if not tensor.is_floating_point() or not tensor.numel():
        return None
    if tensor.ndim <= 1:
        return tensor.reshape(count, -1) if count == 1 or tensor.numel() == count else None
    wide = [size for size in tensor.shape[1:] if size > 1]
    rows = len(tensor) == count or (several and len(tensor) % count == 0)
    return tensor.flatten(1) if rows and len(wide) <= 1 else None


def tables(raw: Any, count: int, *, several: bool = False) -> dict[str, Tensor]:
    """Return every head of a model's output for `count` pictures by name, as tables (N, K).

    A number beside other tensors is no head: it is a loss.
    """
    found = dict(tensors(raw))
    heads = {
        name: table(tensor, count, several=several) for name, tensor in found.items() if tensor.ndim or len(found) == 1
    }
    return {name: head for name, head in heads.items() if head is not None}


def asked(heads: Mapping[str, Tensor], wanted: str | int) -> str:
    """Return the name of the head that the user means by a name, the end of a name, or an index."""
    text = str(wanted).strip()
    if text in heads:
        return text
    ends = [name for name in heads if name.rpartition(".")[2] == text]
    if len(ends) == 1:
        return ends[0]
    if text.isdecimal() and int(text) < len(heads):
        return list(heads)[int(text)]
    if len(heads) == 1:
        message = (
            f"There is no head '{text}': the model has one output, of {shape_text(next(iter(heads.values()))[:1])}."
        )
        raise InputError(message, hint="Leave out the head.")
    raise UnknownNameError("head", text, list(heads), hint=f"The heads are: {_listed(heads)}.")


def choice(heads: Mapping[str, Tensor], names: Sequence[str] | None, functions: LastFunctions) -> tuple[str, str]:
    """Return the head that is explained if the user names none, and a note on the choice.

    The logits beside their probabilities; the head named `logits`; the one with as many columns as there are class
    names; the largest. What a head is computed from by a linear layer is no head.
    """
    for name, logits in heads.items():
        if any(_probabilities_of(logits, other) for other in heads.values() if other is not logits):
            return name, f"The model returns probabilities and their logits: the logits ({name}) are read."
    named = [name for name in heads if name.rpartition(".")[2] == "logits"]
    if len(heads) == 1 or len(named) == 1:
        return next(iter(named or heads)), ""
    read = {name for name, head in heads.items() if functions.reads(head, list(heads.values()))}
    able = {name: head for name, head in heads.items() if name not in read and not is_feature(name)} or dict(heads)
    fitting = [name for name, head in able.items() if names and head.shape[1] == len(names)]
    largest = max(able, key=lambda name: able[name].shape[1])
    name = fitting[0] if fitting else largest
    if len(able) == 1:
        return name, ""
    alike = sum(head.shape[1] == able[name].shape[1] for head in able.values()) > 1
    why = "as many as there are class names" if fitting else "the first of that size" if alike else "the largest"
    other = next(other for other in able if other != name)
    text = f"The model has {len(able)} heads: {_listed(able)}. The head {name} is explained, {why}. For another"
    return name, Hint(text, head=other)


def value_names(head: str, columns: int) -> tuple[str, ...] | None:
    """Return names for values after the head that holds them, such as `age`; None if its name says nothing."""
    name = head.rpartition(".")[2]
    if name.isdecimal() or name.casefold() in NAMELESS:
        return None
    return (name,) if columns == 1 else tuple(f"{name} {index}" for index in range(columns))


def is_feature(name: str) -> bool:
    """Return whether the name of an output says that it holds features, such as `pooler_output`."""
    return bool(FEATURES.search(name.rpartition(".")[2]))


def _listed(heads: Mapping[str, Tensor]) -> str:
    """Return heads with their shapes: `age (1x8), kind (1x3)`."""
    texts = [f"{name} ({shape_text(head[:1])})" for name, head in heads.items()]
    more = [f"and {len(texts) - MOST_LISTED} more"] if len(texts) > MOST_LISTED else []
    return ", ".join([*texts[:MOST_LISTED], *more])


def _probabilities_of(logits: Tensor, other: Tensor) -> bool:
    if logits.shape != other.shape or not bool(((other >= 0) & (other <= 1)).all()):
        return False
    scores = (logits.float().softmax(1), logits.float().sigmoid())
    return any(torch.allclose(score, other.float(), atol=ALIKE) for score in scores)


def shape_text(tensor: Tensor) -> str:
    """Return a shape as `1x8`."""
    return "x".join(map(str, tensor.shape))
