"""Find the part of a model that an adapter knows."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.plugin import Adapter

if TYPE_CHECKING:
    from torch import nn


class PartAdapter(Adapter):
    """An adapter that knows a part of a model, such as its backbone, by class and attributes."""

    @abstractmethod
    def knows(self, part: Any) -> bool:
        """Whether the part is of the family."""

    def matches(self, model: nn.Module) -> bool:
        """Whether the model is or contains a part of the family."""
        return any(map(self.knows, model.modules()))

    def find(self, model: nn.Module) -> tuple[str, Any]:
        """The prefix of its parts' names ("" or "backbone.") of the outermost part that it knows, and the part.

        Raises `InputError` if there is none, which only a named adapter leads to.
        """
        for name, part in model.named_modules():
            if self.knows(part):
                return (f"{name}." if name else ""), part
        message = f"No part of this model ({type(model).__name__}) is of the adapter's family."
        raise InputError(message, hint="Do not name an adapter: the layers are found without one.")


def is_kind(part: nn.Module, *names: str) -> bool:
    """Whether a module's class or one of its base classes has one of these names."""
    return any(kind.__name__ in names for kind in type(part).__mro__)
