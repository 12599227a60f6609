"""From answers to classes: scores, labels, and the targets that the user asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from camctl.engine.forward_failure import failure
from camctl.engine.graph import retried
from camctl.engine.unanswerable import AbsentError, not_asked
from camctl.errors import CamctlError, Hint, InputError, UnknownNameError, out_of_memory
from camctl.plugin import ClassQuestion, ContrastQuestion, Question, ValueQuestion
from camctl.values import class_search
from camctl.values.class_search import parts
from camctl.values.request import is_index, nearest
from camctl.values.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor

    from camctl.plugin import ScoreKind
    from camctl.values.output import Output
    from camctl.values.questions import Asked
    from camctl.values.request import Classes
    from camctl.values.target import Direction


DIRECTIONS = ("up", "down")

FEW_CLASSES = 12
"""Largest number of classes that a message lists."""


def raw_output(forward: Callable[[Tensor], Any], inputs: Tensor) -> Any:
    """Run a model, and return its output as it is.

    Exceptions of the model are raised as `InputError`: the model is the user's.
    """
    try:
        return forward(inputs.clone())  # some models normalise their input in place
    except (Exception, SystemExit) as error:
        if isinstance(error, CamctlError) or out_of_memory(error):
            raise
        again = retried(forward, inputs, error)
        if again is None:
            raise failure(error, inputs) from error
        return again


def class_scores(answers: Tensor, kind: ScoreKind) -> Tensor:
    """Turn answers (N, K) into scores, float32: 0..1, or the values themselves."""
    if kind in {"value", "cosine"}:
        return answers.float()
    return answers.float().sigmoid() if kind == "sigmoid" else answers.float().softmax(1)


def ranked(answers: Tensor, kind: ScoreKind) -> Tensor:
    """Return the classes' indices (B, K), the highest answer first; values stay in their order."""
    import torch

    if kind == "value":
        return torch.arange(answers.shape[1]).expand_as(answers)
    return answers.nan_to_num(nan=float("-inf")).argsort(dim=1, descending=True, stable=True)


def answer_scores(question: Question, output: Tensor) -> Tensor:
    """Turn a model's output (N, ...) into the scores (N,) of what a question asks for."""
    return class_scores(question.answers(output), question.score)[:, question.column]


class Predictions:
    """Scores and labels of one picture's answers (K,): of a classifier the logits, of a regression the values.

    `scores` (K,) and `order`, the classes' indices with the highest answer first (K,), are derived if they are not
    given.
    """

    def __init__(
        self,
        logits: Tensor,
        names: Sequence[str] | None,
        score: ScoreKind,
        synonyms: Sequence[str] = (),
        output: Output | None = None,
        *,
        scores: Tensor | None = None,
        order: Tensor | None = None,
    ) -> None:
        count = logits.shape[0]
        values = score == "value"
        if names is not None and count == 2 and len(names) == 1:  # noqa: PLR2004
            names = (f"not {names[0]}", names[0])
        self.names = tuple(names) if names is not None and len(names) == count else None
        self.synonyms = tuple(synonyms) if len(synonyms) == count else ()
        if values and self.names is None:
            self.names = ("value",) if count == 1 else tuple(f"value {index}" for index in range(count))
        self.count = count
        self.logits = logits
        self.kind = score
        self.output = output
        self.noun = "value" if values else "class"
        self.scores = class_scores(logits[None], score)[0] if scores is None else scores
        self._order = ranked(logits[None], score)[0] if order is None else order

    @classmethod
    def of_batch(
        cls,
        answers: Tensor,
        names: Sequence[str] | None,
        score: ScoreKind,
        synonyms: Sequence[str] = (),
        output: Output | None = None,
    ) -> list[Predictions]:
        """Return the predictions of each picture, from the answers (B, K) on any device; they are copied once."""
        answers = answers.detach().float().cpu()
        rows = zip(answers, class_scores(answers, score), ranked(answers, score), strict=True)
        return [cls(row, names, score, synonyms, output, scores=scores, order=order) for row, scores, order in rows]

    def target(self, index: int) -> Target:
        """Return the class at `index`, with its label (or its index as text) and score; of a value that it goes up."""
        label = self.names[index] if self.names else str(index)
        direction: Direction = "up" if self.kind == "value" else ""
        return Target(index=index, label=label, score=float(self.scores[index]), direction=direction)

    def top(self, count: int) -> tuple[Target, ...]:
        """Return the `count` classes with the highest scores, highest first; of values the first ones."""
        return tuple(self.target(index) for index in self._order[:count].tolist())

    def above(self, threshold: float) -> tuple[Target, ...]:
        """Return the classes whose scores are above a threshold, highest first. Raises `InputError` if none is."""
        if self.kind == "value":
            message = "This model's output is a value, and a threshold is for the scores of classes."
            raise InputError(message, hint=Hint("Leave out the threshold, or choose a value", target_category="up"))
        targets = tuple(target for target in self.top(self.count) if target.score > threshold)
        if not targets:
            (best,) = self.top(1)
            message = (
                f"No class scores above {threshold:g}: the best, {best.label}, has {_beside(best.score, threshold)}."
            )
            raise AbsentError(message, hint=Hint("Explain the best class with", topk=1))
        return targets

    def question(self, target: Target) -> Question:
        """Return what has to be asked of the model's output to explain a target."""
        if target.question is not None:
            asked: Question = target.question
            return asked
        if target.direction:
            return ValueQuestion(target.index, down=target.direction == "down")
        if not target.versus:
            return ClassQuestion(target.index, self.kind)
        return ContrastQuestion(target.index, tuple(other.index for other in target.versus), target.strength)

    def check(self, name: Asked) -> None:
        """Raise `InputError` for what cannot be asked of any picture."""
        self.find(name)

    def index_of(self, name: int | str) -> int:
        """Return the index of a class by index or name. Raises `InputError`."""
        return self.find(name).index

    def expected(self, name: int | str) -> Target:
        """Return the class that is expected, wherever it is. Raises `InputError`: there is none of this name."""
        if self.kind in {"value", "cosine"}:
            message = f"The class '{name}' is expected, and this model's output has no classes."
            raise InputError(message, hint="Leave out what is expected.")
        return Predictions.target(self, self.index_of(name))

    def find(self, name: Asked) -> Target:
        """Return the class that the user means by an index or a name.

        A name matches without regard to case: the whole label, one of its comma-separated parts ("tabby" for
        "tabby, tabby cat"), or a synonym. Raises `InputError`.
        """
        if not isinstance(name, int | str):
            raise not_asked(name, self.output)
        if self.kind == "value":
            return self._value(str(name))
        if isinstance(name, str) and not is_index(name):
            return self.target(self._by_name(name))
        index = int(name)
        if not 0 <= index < self.count:
            hint = f"Give an index from 0 to {self.count - 1}" + (", or a class name." if self.names else ".")
            message = f"There is no class {index}: {self._owner} has {self.count}."
            raise InputError(message, hint=self._or_head(hint))
        return self.target(index)

    def _value(self, text: str) -> Target:
        """Return the value that the user means by `NAME:up`, `NAME:down` or `NAME`; a single one needs no name."""
        name, colon, direction = text.strip().rpartition(":")
        if not colon and direction.casefold() in DIRECTIONS and self.count == 1:
            name, colon = "0", ":"
        if not colon or direction.casefold() not in DIRECTIONS:
            name, direction = text.strip(), "up"
        index = int(name) if is_index(name) else self._by_name(name)
        if not 0 <= index < self.count:
            message = f"There is no value {index}: {self._owner} has {self.count}."
            raise InputError(message, hint=Hint("Name one, and whether it goes up or down", target_category="0:up"))
        return replace(self.target(index), direction="down" if direction.casefold() == "down" else "up")

    def contrasted(self, target: Target, names: Sequence[int | str], strength: float = 1.0) -> Target:
        """Return a target in contrast with other classes (Finer-CAM).

        `names` are indices or names; `auto:N` stands for the N classes whose logits are nearest to the target's
        (`auto`: 3). Raises `InputError`.
        """
        if target.direction:
            message = "This model's output is a value, and only classes can be contrasted."
            raise InputError(message, hint=Hint("Explain the value alone", target_category=target.direction))
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

    @property
    def _owner(self) -> str:
        """What has the classes: the model, or one of its heads."""
        return f"the head {self.output.head}" if self.output and self.output.others else "the model"

    def _or_head(self, hint: str) -> str:
        """Return a hint that ends in a full stop, and what to write for another head if there is one."""
        if self.output is None or not self.output.others:
            return hint
        text = f"{hint} For another head ({self.output.listed(*self.output.others)})"
        return Hint(text, head=self.output.others[0], labels="FILE")

    def _nearest(self, index: int, count: int) -> list[Target]:
        distance = (self.logits.float() - self.logits[index].float()).abs().nan_to_num(nan=float("inf"))
        order = [other for other in distance.argsort(stable=True).tolist() if other != index]
        return [self.target(other) for other in order[:count]]

    def _by_name(self, name: str) -> int:
        if self.names is None:
            whose = "This model's class names" if self._owner == "the model" else f"The class names of {self._owner}"
            message = f"{whose} are not known, so '{name}' cannot be looked up."
            if name.rpartition(":")[2].strip().casefold() in DIRECTIONS:
                raise InputError(message, hint=Hint("If its output is a value (a regression), say so", output="values"))
            if self.output and self.output.others:
                raise InputError(message, hint=self._or_head(f"Give an index from 0 to {self.count - 1}."))
            raise InputError(message, hint=Hint(f"Give an index from 0 to {self.count - 1}, or names", labels="FILE"))
        folded = name.strip().casefold()
        known = parts(self.names)
        matches = known.get(folded, []) or parts(self.synonyms).get(folded, [])
        if len(matches) == 1:
            return matches[0]
        if matches:
            several = ", ".join(f"{index} ({self.names[index]})" for index in matches)
            message = f"'{name}' names several classes: {several}."
            raise InputError(message, hint="Give the index of the one you mean.")
        if self.kind != "value" and self.count > FEW_CLASSES and (near := class_search.nearest(folded, self.names)):
            listed = "; ".join(f"{index} {self.names[index]}" for index in near)
            message = f"There is no {self.noun} named '{name}'."
            raise InputError(message, hint=self._or_head(f"The nearest of {self.count}: {listed}"))
        if self.kind == "value":
            text = f"The values are: {'; '.join(self.names[:FEW_CLASSES])}. Name one, and whether it goes up or down"
            raise UnknownNameError(self.noun, name, self.names, hint=Hint(text, target_category=f"{self.names[0]}:up"))
        few = f"The classes are: {'; '.join(self.names)}. " if self.count <= FEW_CLASSES else ""
        index = f"{few}Or give an index from 0 to {self.count - 1}."
        raise UnknownNameError(self.noun, name, list(known), hint=self._or_head(index))


def _beside(score: float, limit: float) -> str:
    """Return a score with as many digits as tell it from a limit, three at least.

    Examples
    --------
    >>> _beside(0.9996, 1.0), _beside(0.4321, 0.5)
    ('0.9996', '0.432')
    """
    texts = (f"{score:.{digits}g}" for digits in range(3, 17))
    return next((text for text in texts if (float(text) == limit) == (score == limit)), repr(score))


def choose(predictions: Predictions, classes: Classes) -> tuple[Target, ...]:
    """Return the targets that a user asked for, in that order and once each, or the `topk` best classes.

    With a threshold, the classes that score above it. Each is contrasted with `classes.versus`, if any.
    """
    if classes.threshold is not None:
        targets: Iterable[Target] = predictions.above(classes.threshold)
    else:
        targets = map(predictions.find, classes.names) if classes.names else predictions.top(classes.topk)
    first: dict[tuple[int, str, str], Target] = {}
    for target in targets:  # of boxes that read alike the best
        first.setdefault((target.index, target.direction, target.title), target)
    unique = tuple(first.values())
    if not unique:
        message = "The model detects nothing in this picture."
        raise AbsentError(message, hint="Choose another picture, or a detector with a lower score threshold.")
    if not classes.versus:
        return unique
    return tuple(predictions.contrasted(target, classes.versus, classes.strength) for target in unique)
