"""From logits to classes: scores, labels, and the targets that the user asked for."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

import torch

from camctl.engine.forward_failure import failure
from camctl.engine.graph import retried
from camctl.errors import CamctlError, Hint, InputError, UnknownNameError, out_of_memory
from camctl.plugin import ClassQuestion, ContrastQuestion, Question
from camctl.values.request import is_index, nearest
from camctl.values.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from camctl.plugin import LoadedModel, ScoreKind
    from camctl.values.request import Classes


IMAGENET = 1000
"""Number of classes of ImageNet-1k."""

FEW_CLASSES = 12
"""Largest number of classes that a message lists."""


def class_logits(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Wrap a forward pass so that its logits have one column per class.

    A single logit z decides between two classes: it becomes (-z, z), so that z is evidence for class 1 and against
    class 0; the sigmoid of each column is then the probability of its class. Exceptions of the model are raised as
    `InputError`: the model is the user's.
    """

    def run(inputs: Tensor) -> Tensor:
        try:
            logits = forward(inputs.clone())  # some models normalise their input in place
        except (Exception, SystemExit) as error:
            if isinstance(error, CamctlError) or out_of_memory(error):
                raise
            again = retried(forward, inputs, error)
            if again is None:
                raise failure(error, inputs) from error
            logits = again
        if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or not logits.shape[1]:  # noqa: PLR2004
            shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
            message = f"The model returned {shape}; a classifier returns class scores (N, classes)."
            raise InputError(message, hint="Wrap it in a python: source whose forward pass returns class scores.")
        return torch.cat([-logits, logits], 1) if logits.shape[1] == 1 else logits

    return run


def class_scores(answers: Tensor, kind: ScoreKind) -> Tensor:
    """Turn answers (N, K), or logits as `class_logits` returns them, into scores (0..1), float32."""
    # The two columns of a single logit are exact negatives of each other.
    single = answers.shape[1] == 2 and bool((answers[:, 0] == -answers[:, 1]).all())  # noqa: PLR2004
    return answers.float().sigmoid() if kind == "sigmoid" or single else answers.float().softmax(1)


def answer_scores(question: Question, output: Tensor) -> Tensor:
    """Turn a model's output (N, ...) into the scores (N,) of what a question asks for."""
    return class_scores(question.answers(output), question.score)[:, question.column]


class Predictions:
    """Scores and labels of one picture's logits (classes,), as `class_logits` returns them."""

    def __init__(self, logits: Tensor, model: LoadedModel) -> None:
        count = logits.shape[0]
        names = model.class_names
        if names is not None and count == 2 and len(names) == 1:  # noqa: PLR2004
            names = (f"not {names[0]}", names[0])
        self.names = names if names is not None and len(names) == count else None
        self.synonyms = model.synonyms if len(model.synonyms) == count else ()
        self.count = count
        self.logits = logits
        self.kind = model.score
        self.scores = class_scores(logits[None], model.score)[0].cpu()
        self.order: list[int] = logits.nan_to_num(nan=float("-inf")).argsort(descending=True, stable=True).tolist()

    def target(self, index: int) -> Target:
        """Return the class at `index`, with its label (or its index as text) and score."""
        label = self.names[index] if self.names else str(index)
        return Target(index=index, label=label, score=float(self.scores[index]))

    def top(self, count: int) -> tuple[Target, ...]:
        """Return the `count` classes with the highest scores, highest first."""
        return tuple(self.target(index) for index in self.order[:count])

    def question(self, target: Target) -> Question:
        """Return what has to be asked of the model's output to explain a target."""
        if not target.versus:
            return ClassQuestion(target.index, self.kind)
        return ContrastQuestion(target.index, tuple(other.index for other in target.versus), target.strength)

    def find(self, name: int | str) -> Target:
        """Return the class that the user means by an index or a name.

        A name matches without regard to case: the whole label, one of its comma-separated parts ("tabby" for
        "tabby, tabby cat"), or a synonym. Raises `InputError`.
        """
        if isinstance(name, str) and not is_index(name):
            return self.target(self._by_name(name))
        index = int(name)
        if not 0 <= index < self.count:
            hint = f"Give an index from 0 to {self.count - 1}" + (", or a class name." if self.names else ".")
            message = f"There is no class {index}: the model has {self.count}."
            raise InputError(message, hint=hint)
        return self.target(index)

    def contrasted(self, target: Target, names: Sequence[int | str], strength: float = 1.0) -> Target:
        """Return a target in contrast with other classes (Finer-CAM).

        `names` are indices or names; `auto:N` stands for the N classes whose logits are nearest to the target's
        (`auto`: 3). Raises `InputError`.
        """
        if self.count == 2 and bool(self.logits[0] == -self.logits[1]):  # noqa: PLR2004
            message = "This model has one logit, which contrasts its two classes already."
            raise InputError(message, hint="Explain the class alone: the map is the same.")
        others: dict[int, Target] = {}
        for name in names:
            count = nearest(name)
            classes = [self.find(name)] if count is None else self._nearest(target.index, count)
            others |= {other.index: other for other in classes if other.index != target.index}
        if not others:
            message = f"The class '{target.label}' cannot be contrasted with itself."
            raise InputError(message, hint=Hint("Name another class, or let camctl choose", versus="auto"))
        contrast = replace(target, versus=tuple(others.values()), strength=strength)
        score = answer_scores(self.question(contrast), self.logits[None].float())[0]
        return replace(contrast, score=float(score))

    def _nearest(self, index: int, count: int) -> list[Target]:
        distance = (self.logits.float() - self.logits[index].float()).abs().nan_to_num(nan=float("inf"))
        order = [other for other in distance.argsort(stable=True).tolist() if other != index]
        return [self.target(other) for other in order[:count]]

    def _by_name(self, name: str) -> int:
        if self.names is None:
            message = f"This model's class names are not known, so '{name}' cannot be looked up."
            if self.count == IMAGENET:
                raise InputError(message, hint=Hint("If they are ImageNet's, use", labels="imagenet"))
            raise InputError(message, hint=f"Give an index from 0 to {self.count - 1}, or names: --labels.")
        folded = name.strip().casefold()
        parts = _parts(self.names)
        matches = parts.get(folded, []) or _parts(self.synonyms).get(folded, [])
        if len(matches) == 1:
            return matches[0]
        if matches:
            several = ", ".join(f"{index} ({self.names[index]})" for index in matches)
            message = f"'{name}' names several classes: {several}."
            raise InputError(message, hint="Give the index of the one you mean.")
        holding = [label for label in self.names if folded in label.casefold()][:3]
        if holding and not get_close_matches(folded, parts, n=1, cutoff=0.8):
            message = f"There is no class named '{name}'."
            raise InputError(message, hint=f"Did you mean {' or '.join(repr(label) for label in holding)}?")
        few = f"The classes are: {'; '.join(self.names)}. " if self.count <= FEW_CLASSES else ""
        hint = f"{few}Or give an index from 0 to {self.count - 1}."
        raise UnknownNameError("class", name, list(parts), hint=hint)


def _parts(labels: Sequence[str]) -> dict[str, list[int]]:
    """Return the labels, and their parts between commas, in lower case, with the classes that have them."""
    parts: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        for part in {label.casefold(), *(piece.strip().casefold() for piece in label.split(","))}:
            parts.setdefault(part, []).append(index)
    return parts


def choose(predictions: Predictions, classes: Classes) -> tuple[Target, ...]:
    """Return the targets that a user asked for, in that order and once each, or the `topk` best classes.

    Each is contrasted with `classes.versus`, if any.
    """
    targets = map(predictions.find, classes.names) if classes.names else predictions.top(classes.topk)
    unique = {target.index: target for target in targets}.values()
    if not classes.versus:
        return tuple(unique)
    return tuple(predictions.contrasted(target, classes.versus, classes.strength) for target in unique)
