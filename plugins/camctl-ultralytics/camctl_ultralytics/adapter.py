"""Where ultralytics' detectors look: at three grids, one for small boxes, one for larger and one for large ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.plugin import Adapter

if TYPE_CHECKING:
    from torch import nn


class YoloDetector(Adapter):
    """Every box is of one of the grids that the head reads, and the gradient of its score reaches that one.

    A single layer has no gradient for the boxes of other grids, so all of them are target layers.
    """

    summary = "ultralytics' detectors: all grids that the head reads."

    def matches(self, model: nn.Module) -> bool:
        """Whether it has a head of ultralytics that detects."""
        return _head(model) is not None

    def target_layers(self, model: nn.Module) -> list[str]:
        """Return the layers that the head reads."""
        name, head = _head(model) or ("", None)
        within = name.rpartition(".")[0]
        return [f"{within}.{index}".removeprefix(".") for index in getattr(head, "f", ())]


def _head(model: nn.Module) -> tuple[str, Any] | None:
    """Return the head and its name; None if there is none."""
    for name, part in model.named_modules():
        kinds = (kind for kind in type(part).__mro__ if kind.__module__.startswith("ultralytics."))
        if any(kind.__name__ == "Detect" for kind in kinds):
            return name, part
    return None
