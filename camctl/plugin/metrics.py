"""The contract of metrics: from a map to a figure of its quality."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from camctl.plugin.functions import PluginFunction, decorator
from camctl.values.comparison import Better  # noqa: TC001 - the dataclass is read at run time

if TYPE_CHECKING:
    from torch import Tensor

MetricNeed = Literal["scores", "maps", "region"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One map to be measured. Tensors are on the model's device; (h, w) is the model input's size in pixels."""

    values: Tensor
    """(h, w), float32, 0..1: the map, never blank."""
    raw: Tensor
    """(h, w), float32, signed: the map before ReLU and scaling; it orders the pixels at which `values` is 0."""
    inputs: Tensor
    """(1, 3, h, w), in the model's precision: its input. Zero is the mean colour of the training pictures."""
    score: float
    """Score (0..1) of the explained class for the whole picture."""
    region: Tensor | None
    """(h, w), bool: pixels whose centre lies on the object, from its box or mask; None if unknown."""
    score_of: Callable[[Tensor], Tensor]
    """Scores (M,), float32, of the same class for other inputs (M, 3, h, w); run in batches."""
    map_of: Callable[[Tensor], Tensor]
    """Map (h, w) of another input (1, 3, h, w) by the same method for the same class; zeros if blank."""

    @cached_property
    def shown(self) -> Tensor:
        """Inputs times the map (1, 3, h, w): only what the map shows is left."""
        return self.inputs * self.values.to(self.inputs.dtype)

    @cached_property
    def shown_score(self) -> float:
        """Score of the class for `shown`."""
        return float(self.score_of(self.shown)[0])


@dataclass(frozen=True, kw_only=True)
class Metric(PluginFunction):
    """A figure of a map's quality; made by the decorator `metric`."""

    compute: Callable[..., float] = field(kw_only=False)
    """`compute(case, **options)` -> the figure."""
    better: Better
    """Direction of better maps; `neither` for figures that only describe."""
    needs: AbstractSet[MetricNeed] = frozenset()
    """`scores`: it runs the model; `maps`: it draws other maps; `region`: it is skipped if no object is given."""
    rewards: str = ""
    """What else than a good map can raise the figure, in one line."""


metric = decorator(Metric)
"""Turn a function of a case into a `Metric`, whose fields are the keywords."""
