"""Which values are probabilities, and the logits that they were made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from camctl.engine.last_functions import LOG_SOFTMAX, SIGMOID, SOFTMAX
from camctl.errors import Hint, InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from torch import Tensor

    from camctl.engine.last_functions import LastFunctions
    from camctl.values.output import OutputKind

ROUGH = 1e-2
"""Largest deviation from probabilities in half precisions, and of what is said to be some."""

ALIKE = 1e-4
"""Largest difference between an output and the same function of what seems to be its input."""


def maker_of(kind: OutputKind, answer: Tensor, functions: LastFunctions) -> tuple[int, str] | None:
    """Return the softmax or sigmoid that made an answer (N, K), as `LastFunctions.at` takes it; None if none was seen.

    Its input, the logit, takes the answer's place. What is read from values is read once: a replay traces each pass.
    """
    functions_of: dict[OutputKind, tuple[AbstractSet[str], Callable[[Tensor], Tensor]]] = {
        "probabilities": (SOFTMAX, lambda logits: logits.softmax(1)),
        "log-probabilities": (LOG_SOFTMAX, lambda logits: logits.log_softmax(1)),
        "sigmoid": (SIGMOID, torch.sigmoid),
    }
    if kind not in functions_of:
        return None
    names, function = functions_of[kind]
    made = functions.maker(answer)
    logits = made.logits(answer) if made and made.name in names else None
    if made is None or logits is None or (answer.shape[1] == 1 and kind != "sigmoid"):
        return None
    # It may be over another dimension, or its input may have been written over.
    again = function(logits.detach()).to(answer.dtype)
    return functions.place(made) if torch.allclose(again, answer, atol=ALIKE, equal_nan=True) else None


def as_logit(kind: OutputKind, answer: Tensor) -> Tensor:
    """Return what a softmax, or a sigmoid, turns into the given (log-)probabilities (N, K)."""
    exact = answer if answer.dtype.itemsize >= 4 else answer.float()  # noqa: PLR2004
    if kind == "log-probabilities" and exact.shape[1] > 1:
        return exact
    if kind == "probabilities" and exact.shape[1] > 1:
        return exact.clamp_min(torch.finfo(exact.dtype).tiny).log()
    exact = exact.exp() if kind == "log-probabilities" else exact
    return torch.logit(exact, eps=torch.finfo(exact.dtype).eps)


def probability(values: Tensor, near: float, *, bounded: bool) -> OutputKind | None:
    """Return which kind of probabilities values (N, K) are; None if they are none."""
    several = values.shape[1] > 1
    if several and bool((values >= 0).all()) and close(values.sum(1), near):
        return "probabilities"
    if several and bool((values <= 0).all()) and close(values.exp().sum(1), near):
        return "log-probabilities"
    return "sigmoid" if bounded else None


def logit_name(kind: OutputKind, *, visible: bool, single: bool) -> str:
    """Return what maps explain in place of an output, such as `log-odds`; empty if it is the output itself."""
    if kind in {"logits", "values"}:
        return ""
    if visible:
        before = {"probabilities": "softmax", "log-probabilities": "log-softmax"}.get(kind, "sigmoid")
        return f"logit before the {before}"
    if kind == "sigmoid" or single:
        return "log-odds"
    return "log-probability" if kind == "probabilities" else ""


def close(sums: Tensor, near: float) -> bool:
    """Return whether all sums are 1, but for rounding."""
    return bool(((sums - 1).abs() <= near).all())


def check_range(kind: OutputKind, answer: Tensor) -> None:
    """Raise `InputError` for (log-)probabilities that are none."""
    ranges = {"probabilities": (0.0, 1.0), "sigmoid": (0.0, 1.0), "log-probabilities": (-float("inf"), 0.0)}
    low, high = ranges.get(kind, (-float("inf"), float("inf")))
    values = answer.cpu().double().nan_to_num(nan=low)
    if bool(((values < low - ROUGH) | (values > high + ROUGH)).any()):
        message = (
            f"The output is said to be {kind}, and lies in {float(values.min()):.4g} to {float(values.max()):.4g}."
        )
        raise InputError(message, hint=Hint("Leave it out, or say what it is", output="logits"))
