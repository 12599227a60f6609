"""Every module of a model, and its default target layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from camctl.values.output import Output

LayoutName = Literal["NCHW", "NHWC", "NLC", "NCL", "NC", "adapter"]
WhyNot = Literal["", "not-run", "not-tensor", "window", "no-grid", "pooled", "single-cell", "zero-gradient"]


@dataclass(frozen=True, kw_only=True)
class LayerRecord:
    """What the probe observed of one module."""

    name: str
    """As in `module.named_modules()`."""
    type: str
    """Name of its class."""
    order: int
    """Rank in the order in which modules finished (their last call); -1 if it never ran."""
    calls: int
    shape: tuple[int, ...] | None
    """Shape of its output (of the tensor that holds the grid, if there are several)."""
    layout: LayoutName | None
    grid: tuple[int, int] | None
    channels: int | None
    extra_tokens: int
    gradient: float | None
    """Mean absolute gradient of the score over the grid; None without a grid."""
    negative: float | None
    """Share of its negative values in the sum of its absolute values, 0..1; None without a grid."""
    norm: bool
    """Whether it is a normalisation layer."""
    same_as: str
    """The module inside it that made the same tensor; empty if it made its own."""
    usable: bool
    why_not: WhyNot


@dataclass(frozen=True, kw_only=True)
class LayerMap:
    """Every module of a model, and the default target layers."""

    records: tuple[LayerRecord, ...]
    """In the order in which they finished; modules that never ran come last."""
    default: tuple[str, ...]
    """Empty if no layer has a grid."""
    chosen_by: str
    """`adapter NAME` or `probe`."""
    input_size: tuple[int, int]
    pre_activation: tuple[str, ...] = ()
    """The norms whose rectified output the default layers are, for methods that accept activations of both signs."""
    rectified: bool = False
    """Whether a ReLU that is not a module follows the default layer."""
    output: Output | None = None
    """What the model's output is."""
