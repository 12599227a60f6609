"""What every model and picture of a comparison is asked for, and how many maps that makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, Hint, InputError, as_value
from camctl.values.questions import PAIR, Likeness
from camctl.values.texts import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from camctl.engine.predictions import Predictions
    from camctl.pipeline.manner import Manner
    from camctl.pipeline.metrics import Measuring
    from camctl.values.request import Classes
    from camctl.values.target import Target

MOST_CELLS = 600
"""Largest number of maps in a grid that people look at; more belong into a folder of files."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What every model and picture is asked for."""

    classes: Classes
    manner: Manner
    layers: tuple[str, ...]
    measuring: Measuring
    verify: bool
    """Whether the model is asked about its maps."""
    sanity: bool
    """Whether the maps are compared with those of redrawn weights."""

    @property
    def targets(self) -> int:
        """Number of targets of a comparison: every class, and once more in contrast with others if asked for."""
        return (len(self.classes.names) or self.classes.topk) * (2 if self.classes.versus else 1)

    def title(self, index: int) -> str:
        """Return the user's words for a target that models and pictures do not agree on."""
        names, versus = self.classes.names, self.classes.versus
        index, contrast = divmod(index, 2) if versus else (index, 0)
        if names and isinstance(names[index], Likeness):
            return PAIR
        alone = str(names[index]) if names else f"top {index + 1}" if self.classes.topk > 1 else "top class"
        return f"{alone} vs {' and '.join(map(str, versus))}" if contrast else alone

    def asking(self, question: Likeness) -> Request:
        """Return the same request with another question."""
        return replace(self, classes=replace(self.classes, names=(question,)))

    def choose(self, predictions: Predictions) -> list[Target | CamctlError]:
        """Return the targets of a comparison, each class alone and then in contrast with others if asked for.

        An error stands for a class that this model does not have, if another model may have it.
        """
        topk = self.classes.topk
        if self.classes.names:
            alone = [self._or_error(partial(predictions.find, name)) for name in self.classes.names]
        else:
            alone = list(predictions.top(topk))
            fewer = InputError(
                f"The model has only {counted(len(alone), 'class')}.", hint=Hint("Ask for fewer", topk=len(alone))
            )
            alone += [fewer] * (topk - len(alone))
        if not self.classes.versus:
            return alone
        targets = []
        for target in alone:
            contrast = target
            if not isinstance(target, CamctlError):
                versus, strength = self.classes.versus, self.classes.strength
                contrast = self._or_error(partial(predictions.contrasted, target, versus, strength))
            targets += [target, contrast]
        return targets

    def _or_error(self, find: Callable[[], Target]) -> Target | CamctlError:
        try:
            return find()
        except InputError as error:
            if not self.measuring.several:
                raise
            return as_value(error)

    def check_cells(self, models: int, images: int, layers: int = 0) -> None:
        """Raise `InputError` for more maps than people can look at side by side."""
        own = self.targets * len(self.manner.smoothings) * len(self.manner.methods)
        cells = models * images * own * max(layers, len(self.layers), 1)
        if cells > MOST_CELLS:
            message = f"That makes {cells} maps, and a comparison holds {MOST_CELLS}."
            raise InputError(message, hint=Hint("Compare fewer at a time, or save maps one by one", "run"))
