"""What `compare` asks of every model and picture, and how many maps that makes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError, as_value
from camctl.pipeline.passes import Manner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from camctl.engine.predictions import Predictions
    from camctl.pipeline.metrics import Measuring
    from camctl.plugin import Aggregate, Method
    from camctl.values.explanation import Smoothing, Target
    from camctl.values.request import Family

MOST_CELLS = 600
"""More maps than this are for a folder of files, not for a grid to be looked at."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What every model and picture is asked for."""

    methods: Sequence[Method]
    wanted: Sequence[int | str]
    topk: int
    versus: Sequence[int | str]
    strength: float
    layers: Sequence[str]
    smoothings: Sequence[Smoothing]
    family: Family
    measuring: Measuring
    aggregate: Aggregate
    options: Mapping[str, Any]
    several: bool
    """Whether what one model lacks another may have."""
    verify: bool = False
    """Whether the model is asked about its maps."""
    sanity: bool = False
    """Whether the maps are compared with those of redrawn weights."""

    @property
    def manner(self) -> Manner:
        """How maps are made."""
        return Manner(methods=self.methods, smoothings=self.smoothings, aggregate=self.aggregate, options=self.options)

    @property
    def classes(self) -> int:
        """How many targets are explained: every class, and once more told from others where that is asked for."""
        return (len(self.wanted) or self.topk) * (2 if self.versus else 1)

    def called(self, place: int) -> str:
        """What the user calls a target, for models and pictures that do not agree on its name."""
        place, told = divmod(place, 2) if self.versus else (place, 0)
        alone = str(self.wanted[place]) if self.wanted else f"top {place + 1}" if self.topk > 1 else "top class"
        return f"{alone} vs {' and '.join(map(str, self.versus))}" if told else alone

    def choose(self, classes: Predictions) -> list[Target | CamctlError]:
        """The classes to explain; an error for one that this model does not have, if another may."""
        if self.wanted:
            alone = [self._or_error(partial(classes.find, one)) for one in self.wanted]
        else:
            alone = list(classes.top(self.topk))
            message = f"The model has only {len(alone)} classes."
            alone += [InputError(message, hint=f"Ask for --topk {len(alone)}.")] * (self.topk - len(alone))
        return [one for target in alone for one in (target, *self._told(classes, target))]

    def _told(self, classes: Predictions, target: Target | CamctlError) -> list[Target | CamctlError]:
        """The same class told from others, where that is asked for."""
        if not self.versus or isinstance(target, CamctlError):
            return [target] * bool(self.versus)
        return [self._or_error(partial(classes.contrasted, target, self.versus, self.strength))]

    def _or_error(self, find: Callable[[], Target]) -> Target | CamctlError:
        try:
            return find()
        except InputError as error:
            if not self.several:
                raise
            return as_value(error)

    def check_cells(self, models: int, images: int, layers: int = 0) -> None:
        """Raises `InputError` for more maps than can be looked at side by side."""
        counts = (models, images, self.classes, len(self.smoothings), len(self.methods))
        cells = prod(counts) * max(layers, len(self.layers), 1)
        if cells > MOST_CELLS:
            message = f"That makes {cells} maps, and a comparison holds {MOST_CELLS}."
            raise InputError(message, hint="Compare fewer at a time, or save maps one by one with camctl run.")
