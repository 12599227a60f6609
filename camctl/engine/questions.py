"""One question for each picture of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import torch

from camctl.plugin import ClassQuestion, Question

if TYPE_CHECKING:
    from torch import Tensor

Questions: TypeAlias = Question | Sequence[Question]
"""One question for all rows of a batch, or one for each."""


def by_row(questions: Questions, rows: int, *, views: int = 1, width: int = 0) -> tuple[Question, ...]:
    """Return a question for each of `rows` rows; of several, each is asked of the same number of rows, in turn.

    The second half of several views of a picture shows it mirrored; `width` is the model input's in pixels.
    """
    each = (questions,) if isinstance(questions, Question) else tuple(questions)
    own = rows // len(each)
    if views == 1:
        return tuple(question for question in each for _ in range(own))
    pairs = ((question, question.mirrored(width)) for question in each)
    return tuple(pair[row % views >= views // 2] for pair in pairs for row in range(own))


def answers_to(questions: Sequence[Question], output: Tensor) -> Tensor:
    """Turn a model's output (N*M, classes) into the answers (N*M, K) to N questions, the M rows of the first one first.

    Raises `ValueError`: the number of rows is no multiple of the number of questions.
    """
    if all(isinstance(question, ClassQuestion) for question in questions):
        return output
    if len(set(questions)) == 1:
        return questions[0].answers(output)
    if len(output) % len(questions):
        message = f"{len(output)} inputs are no multiple of {len(questions)}, the number of pictures and views"
        raise ValueError(message)
    parts = output.split(len(output) // len(questions))
    return torch.cat([question.answers(part) for question, part in zip(questions, parts, strict=True)])


def columns_of(questions: Sequence[Question], answers: Tensor) -> Tensor:
    """Return the columns (N,) of the answers that N questions ask for, on the answers' device."""
    return torch.tensor([question.column for question in questions], device=answers.device)
