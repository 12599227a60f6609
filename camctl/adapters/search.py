"""Find the part of a model that an adapter knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


def find(model: nn.Module, knows: Callable[[nn.Module], bool]) -> tuple[str, Any] | None:
    """The outermost part of `model` that `knows` accepts, after the prefix of its parts' names ("" or "backbone.")."""
    for name, part in model.named_modules():
        if knows(part):
            return (f"{name}." if name else ""), part
    return None


def require(model: nn.Module, knows: Callable[[nn.Module], bool]) -> tuple[str, Any]:
    """Like `find`, but raises `InputError` if no part matches, which only a named adapter leads to."""
    part = find(model, knows)
    if part is None:
        message = f"No part of this model ({type(model).__name__}) is of the adapter's family."
        raise InputError(message, hint="Do not name an adapter: the layers are found without one.")
    return part


def is_kind(part: nn.Module, *names: str) -> bool:
    """Whether a module's class or one of its base classes has one of these names."""
    return any(kind.__name__ in names for kind in type(part).__mro__)
