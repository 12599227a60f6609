"""What is asked of an embedding: its likeness to another picture's, or what makes it what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch.nn.functional import cosine_similarity

from camctl.engine.predictions import Predictions
from camctl.engine.unanswerable import not_asked
from camctl.errors import Hint, InputError
from camctl.plugin import Question
from camctl.values.picture import read_picture
from camctl.values.questions import FEATURES, Likeness
from camctl.values.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from camctl.plugin import ScoreKind
    from camctl.values.output import Output
    from camctl.values.picture import Picture
    from camctl.values.questions import Asked

    Embed = Callable[[Picture], Tensor]


ROUNDING = 1e-5
"""Difference from 1 of the cosine of a picture with itself, alone and in a batch."""


@dataclass(frozen=True)
class LikenessQuestion(Question):
    """Which evidence makes an embedding similar to another one: the answer is their cosine."""

    other: tuple[float, ...]
    column: int = 0
    score: ScoreKind = "cosine"

    def answers(self, output: Tensor) -> Tensor:
        """Turn embeddings (N, D) into cosines (N, 1)."""
        return cosine_similarity(output, output.new_tensor(self.other)[None], dim=1)[:, None]


@dataclass(frozen=True)
class FeaturesQuestion(Question):
    """Which evidence makes an embedding other than an empty picture's.

    The answer is one less the cosine of both, as a share of the whole picture's: 0 for an empty picture, 1 for the
    whole one. Along its own direction an embedding of length 1 has no gradient.
    """

    empty: tuple[float, ...]
    span: float = 1.0
    column: int = 0
    score: ScoreKind = "cosine"

    def answers(self, output: Tensor) -> Tensor:
        """Turn embeddings (N, D) into shares (N, 1)."""
        return (1 - cosine_similarity(output, output.new_tensor(self.empty)[None], dim=1)[:, None]) / self.span


@dataclass(frozen=True)
class LengthQuestion(Question):
    """Which evidence makes an embedding long in its own direction, as a share of the whole picture's length.

    It is asked where the embedding of an empty picture is zero, and has no direction.
    """

    own: tuple[float, ...]
    column: int = 0
    score: ScoreKind = "cosine"

    def answers(self, output: Tensor) -> Tensor:
        """Turn embeddings (N, D) into shares of their own length (N, 1)."""
        own = output.new_tensor(self.own)
        return ((output @ own) / (own @ own).clamp_min(1e-12))[:, None]


class EmbeddingPredictions(Predictions):
    """One picture's embedding (D,), and the questions that can be asked of it."""

    def __init__(self, embedding: Tensor, output: Output | None, embed: Embed, empty: Callable[[], Tensor]) -> None:
        super().__init__(embedding.new_ones(1), (FEATURES,), "cosine", output=output)
        self.logits, self.embed, self.empty = embedding, embed, empty

    def target(self, index: int) -> Target:
        """Return the question of what makes the embedding what it is."""
        return Target(index=index, label=FEATURES, score=1.0, plain=True, question=self._features())

    def find(self, name: Asked) -> Target:
        """Return the likeness to a picture, or the embedding's features. Raises `InputError` for a class."""
        if isinstance(name, Likeness):
            return self._likeness(name)
        if not isinstance(name, int | str):
            raise not_asked(name, self.output)
        if str(name).strip().casefold() == FEATURES:
            return self.target(0)
        message = f"The model's output is an embedding, which has no class '{name}'."
        hint = Hint("Ask for the likeness to another picture", like="b.jpg")
        raise InputError(message, hint=hint)

    def above(self, threshold: float) -> tuple[Target, ...]:
        """Raise `InputError`: an embedding has no classes."""
        message = f"The model's output is an embedding, which has no class that scores above {threshold:g}."
        raise InputError(message, hint=Hint("Ask for the likeness to another picture", like="b.jpg"))

    def contrasted(self, target: Target, names: Sequence[int | str], strength: float = 1.0) -> Target:  # noqa: ARG002
        """Raise `InputError`: an embedding has no classes."""
        message = f"'{target.title}' is asked of an embedding, which has no classes to contrast with."
        raise InputError(message, hint="Leave out the contrast.")

    def _features(self) -> Question:
        """Return what is asked where nothing is: of an embedding that an empty picture does not share."""
        empty = self.empty()
        span = 1 - float(cosine_similarity(self.logits, empty, dim=0))
        if not bool(empty.isfinite().all()) or float(empty.norm()) < ROUNDING or span < ROUNDING:
            return LengthQuestion(tuple(self.logits.tolist()))
        return FeaturesQuestion(tuple(empty.tolist()), span)

    def _likeness(self, asked: Likeness) -> Target:
        other = read_picture(asked.image)
        embedding = self.embed(other)
        if embedding.shape != self.logits.shape:
            message = f"The embeddings have other sizes: {len(self.logits)} and {len(embedding)}."
            raise InputError(message, hint="Give pictures of one size.")
        question: Question = LikenessQuestion(tuple(embedding.tolist()))
        score = float(question.answers(self.logits[None].float())[0, 0])
        if score > 1 - ROUNDING:  # nothing makes a picture more like itself
            question = self._features()
        return Target(
            index=0,
            label=str(asked),
            score=score,
            like=other.path,
            plain=True,
            other=other,
            question=question,
        )
