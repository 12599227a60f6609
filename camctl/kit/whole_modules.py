"""Modules that a checkpoint holds whole, read as data: their tensors and plain attributes, and none of their code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.kit.checkpoints import content_of
from camctl.kit.pickles import Inert

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_PARTS = ("_parameters", "_buffers", "_modules")
_DEEPEST = 64
"""Number of modules inside each other at which a checkpoint is refused."""


@dataclass(frozen=True, eq=False)
class HeldModule:
    """A module of a checkpoint, without its code."""

    state: Mapping[str, Tensor] = field(repr=False)
    """Name of parameter or buffer -> tensor on the CPU, as in its `state_dict()`."""
    attributes: Mapping[str, Any] = field(repr=False)
    """Its attributes, as far as they are numbers, texts, tensors, and lists and dictionaries of these."""


def read_modules(file: Path, classes: str) -> dict[str, Any]:
    """Read a checkpoint that is a dictionary with whole modules among its values, each as a `HeldModule`.

    Parameters
    ----------
    classes
        Pattern of the names of classes, such as `ours[.]nn[.].*`, whose objects are read as data besides torch's own.

    Raises
    ------
    InputError
        The file is missing, damaged, of another kind, or needs code of other classes to be run.
    """
    content = content_of(file, trust=False, inert=re.compile(rf"torch\.nn\.(\w+\.)*\w+|{classes}"))
    if not isinstance(content, dict):
        return {"model": _held(content)}
    return {key: _held(value) for key, value in content.items() if isinstance(key, str)}


def _held(value: Any) -> Any:
    """Return a value of a checkpoint with modules as `HeldModule`, and None for what is no plain data."""
    state = value.state if isinstance(value, Inert) else None
    if not isinstance(state, dict):
        return _plain(value)
    if all(isinstance(state.get(part), dict) for part in _PARTS):
        return HeldModule(
            dict(_tensors(state)), {key: _plain(each) for key, each in state.items() if key not in _PARTS}
        )
    return _plain(state)


def _tensors(state: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    from torch import Tensor

    if depth > _DEEPEST:
        message = "A module of the checkpoint holds itself, or too many inside each other."
        raise InputError(message, hint="Get the file from its author again.")
    passing = state.get("_non_persistent_buffers_set") or ()
    for part in ("_parameters", "_buffers"):
        for name, tensor in state[part].items():
            if isinstance(tensor, Tensor) and name not in passing:
                yield f"{prefix}{name}", tensor.detach()
    for name, child in state["_modules"].items():
        inner = getattr(child, "state", None)
        if isinstance(inner, dict) and all(isinstance(inner.get(part), dict) for part in _PARTS):
            yield from _tensors(inner, f"{prefix}{name}.", depth + 1)


def _plain(value: Any, depth: int = 0) -> Any:
    from torch import Tensor

    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {key: _plain(each, depth + 1) for key, each in value.items() if isinstance(key, str | int)}
    if isinstance(value, list | tuple):
        return [_plain(each, depth + 1) for each in value]
    return value if value is None or isinstance(value, str | int | float | bool | Tensor) else None
