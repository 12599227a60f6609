"""Find the part of a model that an adapter knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from torch import nn


def find(model: nn.Module, family: str, kind: str) -> tuple[str, Any] | None:
    """The first part of class `kind` in transformers' code of `family`, after the prefix of its parts' names."""
    for name, part in model.named_modules():
        if type(part).__name__ == kind and type(part).__module__.startswith(f"transformers.models.{family}."):
            return (f"{name}." if name else ""), part
    return None


def require(model: nn.Module, family: str, kind: str) -> tuple[str, Any]:
    """Like `find`, but raises `InputError` if no part matches, which only a named adapter leads to."""
    part = find(model, family, kind)
    if part is None:
        message = f"No part of this model ({type(model).__name__}) is a {kind} of transformers."
        raise InputError(message, hint="Do not name an adapter: the layers are found without one.")
    return part
