"""What a metric is: a figure that says what a map is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from camctl.plugin.functions import Cost, options_of, see_options
from camctl.values.comparison import Better  # noqa: TC001 - the dataclass is read at run time

if TYPE_CHECKING:
    from torch import Tensor

MetricNeed = Literal["scores", "maps", "region"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One map put to the test. Tensors lie on the model's device; (h, w) is the model input's size in pixels."""

    values: Tensor
    """(h, w), float32, 0..1: the map, never worthless."""
    raw: Tensor
    """(h, w), float32, signed: the map before ReLU and scaling; it orders the places that `values` has at 0."""
    inputs: Tensor
    """(1, 3, h, w), in the model's precision: what it was given. Zero is the mean colour of its training pictures."""
    score: float
    """Score (0..1) of the class explained, for the whole picture."""
    region: Tensor | None
    """(h, w), bool: the pixels whose centre lies on the object, in its box or mask; None where nobody said."""
    score_of: Callable[[Tensor], Tensor]
    """Any number of other inputs (M, 3, h, w) -> scores (M,), float32, of the same class; run in batches."""
    map_of: Callable[[Tensor], Tensor]
    """Another input (1, 3, h, w) -> its map (h, w), by the same method for the same class; zeros where worthless."""

    @cached_property
    def shown(self) -> Tensor:
        """(1, 3, h, w): the inputs times the map, so that only what it shows is left."""
        return self.inputs * self.values.to(self.inputs.dtype)

    @cached_property
    def shown_score(self) -> float:
        """Score of the class for what the map shows of the picture."""
        return float(self.score_of(self.shown)[0])


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A figure that says what a map is worth; made by the decorator `metric`."""

    compute: Callable[..., float]
    """`compute(case, **options)` -> the figure."""
    name: str
    """As people read it; the user's name for it is its entry point's."""
    summary: str
    paper: str
    formula: str
    better: Better
    """Which figures speak for a map; `neither` for those that only describe it."""
    needs: frozenset[MetricNeed]
    """`scores`: it runs the model; `maps`: it draws other maps; `region`: it is left out where no object is given."""
    cost: Cost
    rewards: str
    """What else than a good map a good figure may come of, in one line; empty where nobody said."""

    @property
    def options(self) -> dict[str, Any]:
        """What `--metric-options` may set, and the defaults."""
        return options_of(self.compute)


def metric(
    *,
    name: str,
    summary: str,
    paper: str,
    better: Better,
    needs: set[MetricNeed] | None = None,
    formula: str = "",
    cost: Cost | None = None,
    rewards: str = "",
) -> Callable[[Callable[..., float]], Metric]:
    """Turn a function of a case into a `Metric`."""

    def decorate(compute: Callable[..., float]) -> Metric:
        see_options(compute)
        return Metric(
            compute=compute,
            name=name,
            summary=summary,
            paper=paper,
            formula=formula,
            better=better,
            needs=frozenset(needs or ()),
            cost=cost or Cost(text="none"),
            rewards=rewards,
        )

    return decorate
