"""A model's modules and parameters, listed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn


@dataclass(frozen=True, eq=False)
class ModuleTable:
    """A model with its modules by name and its parameters, so that no pass walks through the model again."""

    root: nn.Module
    parts: Mapping[str, nn.Module]
    """By name, as in `root.named_modules()`; the model itself is named ''."""
    parameters: tuple[nn.Parameter, ...]

    @classmethod
    def of(cls, model: nn.Module | ModuleTable) -> ModuleTable:
        """Return the table of a model; a table stays as it is."""
        if isinstance(model, ModuleTable):
            return model
        return cls(model, dict(model.named_modules()), tuple(model.parameters()))
