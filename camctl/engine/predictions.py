"""From logits to classes: scores, labels, and what the user asked for."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

import torch

from camctl.engine.question import Versus
from camctl.errors import CamctlError, InputError, UnknownNameError, one_line, out_of_memory
from camctl.values.explanation import Target, is_index, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from camctl.plugin import LoadedModel
    from camctl.values.request import Classes


FEW_CLASSES = 12
"""As many as this are listed where one is not found."""


def class_logits(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A forward pass whose logits have one column a class.

    A single logit z decides between two classes: it becomes (-z, z), so that class 1 is what z speaks for
    and class 0 what it speaks against; the sigmoid of each column is then its class's probability.
    What the model raises comes out as an `InputError`: the model is the user's.
    """

    def run(inputs: Tensor) -> Tensor:
        try:
            logits = forward(inputs.clone())  # some models normalise what they are given, in place
        except (Exception, SystemExit) as error:
            if isinstance(error, CamctlError) or out_of_memory(error):
                raise
            message = f"The model fails on an input of shape {tuple(inputs.shape)}: {one_line(error)}"
            hint = (
                "See that it runs by itself on such an input. A module of your own says its size by an attribute: "
                "input_size = (height, width)."
            )
            raise InputError(message, hint=hint) from error
        if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or not logits.shape[1]:  # noqa: PLR2004
            shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
            message = f"The model gives {shape} where class scores (N, classes) are needed: it is no classifier."
            raise InputError(message, hint="Wrap it in a python: source whose forward pass returns class scores.")
        return torch.cat([-logits, logits], 1) if logits.shape[1] == 1 else logits

    return run


def class_scores(logits: Tensor, kind: Literal["softmax", "sigmoid"]) -> Tensor:
    """Logits (N, classes), as `class_logits` gives them -> the scores (0..1) that people are shown, float32."""
    # The two columns of a single logit are each the negative of the other, exactly.
    single = logits.shape[1] == 2 and bool((logits[:, 0] == -logits[:, 1]).all())  # noqa: PLR2004
    return logits.float().sigmoid() if kind == "sigmoid" or single else logits.float().softmax(1)


class Predictions:
    """Scores and labels of one picture's logits.

    Parameters
    ----------
    logits: (classes,), as `class_logits` gives them.
    """

    def __init__(self, logits: Tensor, model: LoadedModel) -> None:
        count = logits.shape[0]
        names = model.class_names
        binary = names is not None and count == 2 and len(names) == 1  # noqa: PLR2004
        if binary and names is not None:
            names = (f"not {names[0]}", names[0])
        self.names = names if names is not None and len(names) == count else None
        self.count = count
        self.logits = logits
        self.scores = class_scores(logits[None], model.score)[0].cpu()
        self.order: list[int] = logits.nan_to_num(nan=float("-inf")).argsort(descending=True, stable=True).tolist()

    def target(self, index: int) -> Target:
        """The class at `index`, with its label (or its index as text) and score."""
        label = self.names[index] if self.names else str(index)
        return Target(index=index, label=label, score=float(self.scores[index]))

    def top(self, count: int) -> tuple[Target, ...]:
        """The `count` classes with the highest scores, highest first."""
        return tuple(self.target(index) for index in self.order[:count])

    def find(self, wanted: int | str) -> Target:
        """The class that the user means by an index or a name.

        A name matches without regard to case: wholly, or one of its comma-separated parts ("tabby"
        for "tabby, tabby cat"). Raises `InputError`.
        """
        if isinstance(wanted, str) and not is_index(wanted):
            return self.target(self._by_name(wanted))
        index = int(wanted)
        if not 0 <= index < self.count:
            hint = f"Give an index from 0 to {self.count - 1}" + (", or a class name." if self.names else ".")
            message = f"There is no class {index}: the model has {self.count}."
            raise InputError(message, hint=hint)
        return self.target(index)

    def contrasted(self, target: Target, wanted: Sequence[int | str], strength: float = 1.0) -> Target:
        """The same target, told from other classes, as Finer-CAM does.

        `wanted` names them by index or name, and `auto:N` the N whose logits come nearest to its own (`auto`: 3).
        Raises `InputError`.
        """
        if self.count == 2 and bool(self.logits[0] == -self.logits[1]):  # noqa: PLR2004
            message = "This model's one logit tells its two classes from each other already."
            raise InputError(message, hint="Leave out --versus: the map is the same.")
        found: dict[int, Target] = {}
        for one in wanted:
            count = nearest(one)
            named = [self.find(one)] if count is None else self._nearest(target.index, count)
            found |= {other.index: other for other in named if other.index != target.index}
        if not found:
            message = f"The class '{target.label}' cannot be told from itself."
            raise InputError(message, hint="Give another class after --versus, or --versus auto.")
        told = replace(target, versus=tuple(found.values()), strength=strength)
        versus = Versus.of(told)
        score = class_scores(versus.logits(self.logits[None].float(), target.index), "softmax")[0, 0]
        return replace(told, score=float(score))

    def _nearest(self, index: int, count: int) -> list[Target]:
        distance = (self.logits.float() - self.logits[index].float()).abs().nan_to_num(nan=float("inf"))
        order = [place for place in distance.argsort(stable=True).tolist() if place != index]
        return [self.target(place) for place in order[:count]]

    def _by_name(self, wanted: str) -> int:
        if self.names is None:
            message = f"Nobody knows this model's class names, so '{wanted}' cannot be found."
            raise InputError(message, hint=f"Give an index from 0 to {self.count - 1}.")
        folded = wanted.strip().casefold()
        parts: dict[str, list[int]] = {}
        for index, name in enumerate(self.names):
            for part in {name.casefold(), *(piece.strip().casefold() for piece in name.split(","))}:
                parts.setdefault(part, []).append(index)
        found = parts.get(folded, [])
        if len(found) == 1:
            return found[0]
        if found:
            several = ", ".join(f"{index} ({self.names[index]})" for index in found)
            message = f"'{wanted}' names several classes: {several}."
            raise InputError(message, hint="Give the index of the one you mean.")
        holding = [name for name in self.names if folded in name.casefold()][:3]
        if holding and not get_close_matches(folded, parts, n=1, cutoff=0.8):
            message = f"There is no class named '{wanted}'."
            raise InputError(message, hint=f"Did you mean {' or '.join(repr(name) for name in holding)}?")
        few = f"The classes are: {'; '.join(self.names)}. " if self.count <= FEW_CLASSES else ""
        hint = f"{few}Or give an index from 0 to {self.count - 1}."
        raise UnknownNameError("class", wanted, list(parts), hint=hint)


def choose(predictions: Predictions, classes: Classes) -> tuple[Target, ...]:
    """Return the targets that a user asked for, in that order and once each, or the `topk` best classes.

    Each is contrasted with `classes.versus`, if any.
    """
    targets = map(predictions.find, classes.names) if classes.names else predictions.top(classes.topk)
    unique = {target.index: target for target in targets}.values()
    if not classes.versus:
        return tuple(unique)
    return tuple(predictions.contrasted(target, classes.versus, classes.strength) for target in unique)
