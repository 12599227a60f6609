"""What is asked of a dense output, such as a segmentation's: a class in a region."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from camctl.engine import heads
from camctl.engine.predictions import Predictions
from camctl.engine.probabilities import ROUGH, as_logit, probability
from camctl.engine.unanswerable import AbsentError, not_asked
from camctl.errors import Hint, InputError
from camctl.plugin import ClassQuestion, Question
from camctl.values.questions import Region
from camctl.values.regions import PREDICTED, check_region, check_seen, is_predicted, region_of, region_words, seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.plugin import ScoreKind
    from camctl.values.output import Output, OutputKind
    from camctl.values.questions import Asked
    from camctl.values.regions import AnyRegion, Bools, Where
    from camctl.values.target import Target
    from camctl.values.view import View

BACKGROUND = frozenset({"__background__", "background", "bg", "void", "unlabeled", "unlabelled", "other", "n/a"})
"""Names of what is no object: such a class is not chosen by itself if there is another."""

USUAL = ("out", "logits")
"""Names of the output that is read, of several."""

PLANES, PLANE = 4, 3
"""Number of dimensions of dense outputs (N, K, h, w), and of those with one value a place, (N, h, w)."""


def fields(raw: Any, count: int, *, planes: bool = False) -> dict[str, Tensor]:
    """Return the dense outputs (N, K, h, w) of `count` pictures by name; with `planes` also (N, h, w), as K = 1."""
    found: dict[str, Tensor] = {}
    for name, tensor in heads.tensors(raw):
        wide = tensor.ndim >= PLANE and tensor.shape[-2] * tensor.shape[-1] > 1
        if not (tensor.is_floating_point() and wide and len(tensor) == count):
            continue
        if tensor.ndim == PLANES:
            found[name] = tensor
        elif tensor.ndim == PLANE and planes:
            found[name] = tensor[:, None]
    return found


def usual(found: dict[str, Tensor], names: Sequence[str] | None) -> str:
    """Return the name of the dense output that is read if nobody names one: by its name, its classes, or its size."""
    for name in found:
        if name.rpartition(".")[2] in USUAL:
            return name
    fitting = [name for name, field in found.items() if names and field.shape[1] == len(names)]
    return next(iter(fitting), max(found, key=lambda name: found[name][0, 0].numel()))


def kind_of(field: Tensor) -> OutputKind:
    """Return what the values of a dense output (N, K, h, w) are: probabilities, or logits."""
    values = field.detach().cpu().double().movedim(1, -1).flatten(0, -2)
    within = field.shape[1] == 1 and bool(((values >= 0) & (values <= 1)).all()) and bool(values.any())
    return probability(values, ROUGH, bounded=within) or "logits"


def rows(raw: Any, inputs: Tensor, *, head: str, kind: OutputKind) -> Tensor:
    """Return the logits (N, K, h, w) of a dense output; a single one decides between two classes."""
    field = fields(raw, len(inputs), planes=True).get(head)
    if field is None:
        message = f"The model's output has no dense output '{head}' for these inputs."
        raise InputError(message, hint="Let it return the same for every picture.")
    return field if kind == "logits" else as_logit(kind, field)


def pooled(raw: Any, inputs: Tensor, *, head: str) -> Tensor:
    """Return features (N, K, h, w) as an embedding (N, K): their mean over all places."""
    return fields(raw, len(inputs))[head].mean((2, 3))


@dataclass(frozen=True, eq=False)
class RegionQuestion(Question):
    """What is asked of the mean over a region of a dense output.

    `weights` (h, w) sum to 1 over the output's places; `of` is asked of the mean (N, K).
    """

    weights: Tensor
    of: Question

    @property
    def column(self) -> int:  # type: ignore[override]
        """Column of the answers that is explained."""
        return self.of.column

    @property
    def score(self) -> ScoreKind:  # type: ignore[override]
        """How the answers become scores."""
        return self.of.score

    def answers(self, output: Tensor) -> Tensor:
        """Turn a dense output (N, K, h, w) into answers."""
        weights = self.weights.to(output.device, output.dtype)
        if weights.shape != output.shape[-2:]:  # another picture's size
            weights = _resized(weights, output.shape[-2:]).to(output.dtype)
            weights = weights / weights.sum()
        return self.of.answers(torch.einsum("nkhw,hw->nk", output, weights))

    def mirrored(self, width: int) -> RegionQuestion:  # noqa: ARG002 - a share of the output
        """Return the question about the mirrored picture."""
        return RegionQuestion(self.weights.flip(-1), self.of)


class DensePredictions(Predictions):
    """One picture's dense output (K, h, w): each class in a region of it, most places first."""

    def __init__(
        self,
        field: Tensor,
        names: Sequence[str] | None,
        score: ScoreKind,
        synonyms: Sequence[str],
        output: Output | None,
        view: View | None,
        size: tuple[int, int] | None,
    ) -> None:
        winners = field.argmax(0)
        order = _most(winners, torch.ones_like(winners), names, len(field))
        super().__init__(field.mean((1, 2)), names, score, synonyms, output, order=order)
        self.logits, self.winners, self.view, self.size = field, winners, view, size

    def top(self, count: int) -> tuple[Target, ...]:
        """Return the `count` classes of most places, those of no place left out; of values the first ones."""
        if self.kind == "value":
            return super().top(count)
        there = [index for index in self._order.tolist() if bool((self.winners == index).any())]
        return tuple(self.target(index) for index in there[:count])

    def above(self, threshold: float) -> tuple[Target, ...]:
        """Raise `InputError`: each class is predicted somewhere or not."""
        message = f"A dense output has no classes that score above {threshold:g}: each is asked for in a region."
        raise InputError(message, hint=Hint("Explain the classes of most pixels", topk=3))

    def target(self, index: int) -> Target:
        """Return a class where the model predicts it; a value in the whole picture."""
        return self._in(super().target(index), PREDICTED)

    def check(self, name: Asked) -> None:
        """Raise `InputError` for what cannot be asked of any picture: a class may be predicted in others."""
        if isinstance(name, int | str):
            self._named(name)
        elif not isinstance(name, Region):
            raise not_asked(name, self.output)
        elif name.name is not None:
            self._named(name.name)

    def index_of(self, name: int | str) -> int:
        """Return the index of a class, wherever it is. Raises `InputError`."""
        return self._named(name).index

    def find(self, name: Asked) -> Target:
        """Return the class in a region, by default where it is predicted; without a name the one of most places there.

        Raises `InputError`.
        """
        if isinstance(name, Region):
            named = super().target(self._largest(name.where)) if name.name is None else self._named(name.name)
            return self._in(named, name.where)
        if not isinstance(name, int | str):
            raise not_asked(name, self.output)
        return self._in(self._named(name), PREDICTED)

    def contrasted(self, target: Target, names: Sequence[int | str], strength: float = 1.0) -> Target:
        """Return a class in contrast with others in the same region."""
        region: RegionQuestion = target.question
        pooled = region.answers(self.logits[None].float())[0]
        plain = Predictions(pooled, self.names, self.kind, self.synonyms, self.output)
        contrast = plain.contrasted(plain.target(target.index), names, strength)
        question = RegionQuestion(region.weights, plain.question(contrast))
        return replace(contrast, where=target.where, mark=target.mark, question=question)

    def _named(self, name: int | str) -> Target:
        """Return the class or value of a name, without a region."""
        plain = Predictions(self.logits.mean((1, 2)), self.names, self.kind, self.synonyms, self.output)
        return plain.find(name)

    def _largest(self, where: Where) -> int:
        """Return the class of most places in a region; of values the first one."""
        if self.kind == "value" or is_predicted(where):
            return int(self._order[0])
        inside = self._inside(self._seen(region_of(where)))
        return int(_most(self.winners, inside, self.names, self.count)[0])

    def _inside(self, pixels: Bools) -> Tensor:
        """Return which share of each place of the output lies on pixels of the model's input."""
        return _resized(torch.from_numpy(pixels).float(), self.winners.shape)

    def _in(self, target: Target, where: Where) -> Target:
        mark: AnyRegion | None = None
        if is_predicted(where):
            inside = (self.winners == target.index).float()
            if self.kind == "value":
                inside, where = torch.ones_like(inside), "the whole"
            elif not inside.any():
                message = f"The model gives no pixel to the class '{target.label}'."
                raise AbsentError(message, hint=Hint("Say where it is asked for", where="X0,Y0,X1,Y1"))
            else:
                mark = self._outline(inside)
        else:
            region = region_of(where)
            pixels = self._seen(region)
            mark = region if isinstance(region, tuple) else pixels
            inside = self._inside(pixels)
        weights = inside / inside.sum()
        plain = Predictions(self.logits.mean((1, 2)), self.names, self.kind, self.synonyms, self.output)
        question = RegionQuestion(weights, plain.question(replace(target, question=None)))
        means = RegionQuestion(weights, ClassQuestion(target.index)).answers(self.logits[None].float())
        scores = Predictions(means[0], self.names, self.kind).scores
        words = region_words(where)
        return replace(target, score=float(scores[target.index]), where=words, mark=mark, question=question)

    def _seen(self, region: AnyRegion) -> Bools:
        """Return the pixels of the model's input that lie on a region of the picture. Raises `InputError`."""
        if self.view is None:
            message = "Where a region lies is known for a picture alone, and there is none."
            raise InputError(message, hint="Give a picture.")
        if self.size is not None:
            check_region(region, self.size)
        inside = seen(region, self.view)
        check_seen(inside, self.view)
        return inside

    def _outline(self, inside: Tensor) -> Bools | None:
        """Return predicted places as a mask of the model's input; None if the view is not known."""
        if self.view is None:
            return None
        return interpolate(inside[None, None], size=self.view.size, mode="nearest")[0, 0].bool().numpy()


def _most(winners: Tensor, inside: Tensor, names: Sequence[str] | None, count: int) -> Tensor:
    """Return the classes (K,) by how many places each wins inside a region, what is no object behind."""
    shares = torch.stack([((winners == index) * inside).sum() for index in range(count)]) / inside.sum()
    own = names if names is not None and len(names) == count else [""] * count
    behind = torch.tensor([name.strip().casefold() in BACKGROUND for name in own])
    return (shares - 2 * behind.float()).argsort(descending=True, stable=True)


def _resized(weights: Tensor, size: Sequence[int]) -> Tensor:
    """Return weights (h, w) at another size, each the mean over its area."""
    return interpolate(weights[None, None].float(), size=tuple(size), mode="area")[0, 0]
