"""What is known about a model before the findings, and how they measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from camctl.pipeline.explain import explain

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.engine.capture import Seen
    from camctl.engine.model_state import Condition
    from camctl.pipeline.scene import Scene
    from camctl.values.cam import Cam
    from camctl.values.check import Mark
    from camctl.values.layer_map import LayerMap, LayerRecord
    from camctl.values.request import Family

    Outcome = tuple[Mark, str, str]
    """The mark, text and hint of a finding."""

CLOSE, ROUGH = 1e-4, 0.05
"""Relative tolerance for equal logits or maps: `CLOSE` in float32 and float64, `ROUGH` in half precisions."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What is known about a model before the findings."""

    scene: Scene
    family: Family
    """What the user said about the family."""
    layers: tuple[str, ...]
    """The default target layers."""
    seen: LayerMap
    """The probe's view with what the adapter knows."""
    alone: LayerMap
    """The probe's view without the adapter, and what it would choose."""
    logits: tuple[Tensor, Tensor]
    """(1, classes) each, on the CPU: the same forward pass twice."""
    cam: Cam | None
    """The default map; None if no layer can be captured."""
    telling: bool
    """Whether picture and weights show a class that the map can point at."""
    bare: float
    """Seconds of a bare forward pass."""
    start: Condition
    """Condition of the model before the first forward pass."""
    after_bare: Condition
    """Condition of the model before the first hook."""

    @property
    def close(self) -> float:
        """`CLOSE` or `ROUGH`, by the model's precision."""
        return CLOSE if self.scene.inputs.dtype.itemsize >= 4 else ROUGH  # noqa: PLR2004

    @property
    def steady(self) -> bool:
        """Whether the same forward pass gave the same logits."""
        return difference(*self.logits) <= self.close

    def records(self, layers: LayerMap | None = None) -> list[LayerRecord]:
        """Return the records of the target layers, in the probe's view with or without the adapter."""
        by_name = {record.name: record for record in (layers or self.seen).records}
        return [by_name[name] for name in self.layers]

    def capture(self, inputs: Tensor) -> Seen:
        """Run the model without gradients and return the output of the last target layer."""
        from camctl.engine.capture import Recorder

        plan = self.scene.plan
        with Recorder(plan.table, self.layers[-1:], plan.hints, gradients=False) as recorder:
            recorder.forward(inputs, plan.forward)
            return recorder.seen[0]

    def explain(self, method: str, **more: Any) -> tuple[Cam, ...]:
        """Return the maps of a method at the default layers."""
        more |= {"target_layers": self.layers, "family": self.family}
        return explain(self.scene.loaded, self.scene.picture, methods=[method], **more).maps


def difference(one: Tensor, other: Tensor) -> float:
    """Return the largest difference as a share of the largest value; NaN equals NaN."""
    import torch

    if one.shape != other.shape:
        return float("inf")
    apart = (one.float() - other.float()).abs()
    same = torch.equal(one.isfinite(), other.isfinite())
    largest = one.float().abs().nan_to_num(0, 0, 0).max().clamp_min(1e-12)
    return float((apart.nan_to_num(0, 0, 0) / largest).max()) if same else float("inf")


def by(size: tuple[int, int] | None) -> str:
    """Return a height and width as `14 x 14`."""
    return f"{size[0]} x {size[1]}" if size else "none"
