"""Find the part of a model that an adapter knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


def find(model: nn.Module, knows: Callable[[nn.Module], bool]) -> tuple[str, Any] | None:
    """Prefix of its parts' names ("" or "backbone.") and the outermost part of `model` that `knows` says yes to."""
    for name, part in model.named_modules():
        if knows(part):
            return (f"{name}." if name else ""), part
    return None


def require(model: nn.Module, knows: Callable[[nn.Module], bool]) -> tuple[str, Any]:
    """As `find`, for a model that is known to match. Raises `InputError` otherwise: only `--adapter` leads there."""
    found = find(model, knows)
    if found is None:
        message = f"No part of this model ({type(model).__name__}) is of the family that the adapter knows."
        raise InputError(message, hint="Leave out --adapter: the layers are found without it.")
    return found


def is_kind(part: nn.Module, *names: str) -> bool:
    """Whether a module's class, or a class that it extends, bears one of these names."""
    return any(kind.__name__ in names for kind in type(part).__mro__)
