"""Find the part of a model that an adapter knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from torch import nn


def find(model: nn.Module, family: str, kind: str) -> tuple[str, Any] | None:
    """Prefix of its parts' names and the first part of class `kind` in transformers' code of `family`."""
    for name, part in model.named_modules():
        if type(part).__name__ == kind and type(part).__module__.startswith(f"transformers.models.{family}."):
            return (f"{name}." if name else ""), part
    return None


def require(model: nn.Module, family: str, kind: str) -> tuple[str, Any]:
    """As `find`, for a model that is known to match. Raises `InputError` otherwise: only `--adapter` leads there."""
    found = find(model, family, kind)
    if found is None:
        message = f"No part of this model ({type(model).__name__}) is a {kind} of transformers."
        raise InputError(message, hint="Leave out --adapter: the layers are found without it.")
    return found
