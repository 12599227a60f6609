"""Find the part of a model that an adapter knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    """As `find`, for a model that is known to match. Raises `LookupError` otherwise."""
    found = find(model, knows)
    if found is None:
        message = f"no part of {type(model).__name__} belongs to this family"
        raise LookupError(message)
    return found


def is_kind(part: nn.Module, *names: str) -> bool:
    """Whether a module's class, or a class that it extends, bears one of these names."""
    return any(kind.__name__ in names for kind in type(part).__mro__)
