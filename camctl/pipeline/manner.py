"""How maps are asked for, what came of it, and how long it took."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError

if TYPE_CHECKING:
    from camctl.engine.cam import Drawn
    from camctl.engine.predictions import Predictions
    from camctl.plugin import Aggregate, Method
    from camctl.values.cam import Smoothing
    from camctl.values.target import Target

    Choice = Callable[[Predictions], Sequence[Target | CamctlError]]
    """From a picture's predictions the targets to explain; an error stands for one that cannot be."""
    Step = Callable[[str, int, int], None] | None
    """Called with what is being drawn, maps done and all of them."""
    Key = tuple[int, int, int, int]
    """Indices of target, layer group, smoothing and method."""
    GroupKey = tuple[int, int, int]
    """The same without the target."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """Which maps of a scene are made, and how."""

    methods: Sequence[Method]
    smoothings: Sequence[Smoothing] = ("none",)
    aggregate: Aggregate = "mean"
    options: Mapping[str, Any] = field(default_factory=dict)


class Clock:
    """Milliseconds and counts by kind of work."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def add(self, what: str, milliseconds: float, count: int = 1) -> None:
        """Add time spent."""
        self.milliseconds[what] = self.milliseconds.get(what, 0.0) + milliseconds
        self.counts[what] = self.counts.get(what, 0) + count

    def include(self, other: Clock) -> None:
        """Add what another clock has recorded."""
        for what, milliseconds in other.milliseconds.items():
            self.add(what, milliseconds, other.counts[what])

    @contextmanager
    def timed(self, what: str, count: int = 1) -> Iterator[None]:
        """Add the time that a block takes."""
        start = perf_counter()
        try:
            yield
        finally:
            self.add(what, (perf_counter() - start) * 1e3, count)


@dataclass(frozen=True)
class Passed:
    """What the passes yield: the picture's predictions, and each map or the error that stands for it."""

    predictions: Predictions
    targets: tuple[Target | CamctlError, ...]
    maps: Mapping[Key, Drawn | CamctlError]
    notes: tuple[str, ...] = ()
    """The method that `auto` stands for, if it is not the one that people expect, and which run of a layer it took."""

    def drawn(self) -> Iterator[tuple[Key, Drawn, Target]]:
        """Yield the maps that were drawn, with their targets."""
        for key, drawn in self.maps.items():
            target = self.targets[key[0]]
            if not isinstance(drawn, CamctlError) and not isinstance(target, CamctlError):
                yield key, drawn, target
