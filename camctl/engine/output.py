"""What a model's output is, and how it becomes answers (N, K): the rest of the engine sees answers alone.

Where the source, the module or the user says nothing, the first output says what it is: its values, and the functions
that made it. No forward pass is added.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, get_args

import torch
from torch import Tensor, nn

from camctl.engine import heads
from camctl.engine.last_functions import BOUNDED, LOG_SOFTMAX, POSITIVE, SIGMOID, SOFTMAX, LastFunctions
from camctl.engine.predictions import raw_output
from camctl.errors import Hint, InputError, UnknownNameError
from camctl.values.output import Output, OutputKind
from camctl.values.texts import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from camctl.plugin import LoadedModel, ScoreKind

KINDS: tuple[OutputKind, ...] = get_args(OutputKind)

WHAT: dict[str, str] = {
    "embedding": "an embedding: features of the picture",
    "dense": "dense: an output for every place of the picture",
    "boxes": "boxes: objects with their places",
}
"""Kinds without a score for each class of a picture."""
SUM_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}
"""Largest deviation from 1 of the sum of a row of probabilities, and of an embedding's length; `ROUGH` in halves."""
ROUGH = 1e-2

ALIKE = 1e-4
"""Largest difference between an output and the same function of what seems to be its input."""

FEWEST = 3
"""Fewest numbers of an embedding: two of length 1 may be an angle's."""

LARGEST_LOGIT = 15.0
"""Absolute value beyond which a single output is a value: a score of 3e-7 means nothing."""

HEADS = ("fc", "head", "heads", "classifier", "last_linear")
"""What people's heads are called: a head that is an `nn.Identity` has been taken away, to see the features."""

LOSSES: dict[type[nn.Module], tuple[OutputKind, ScoreKind]] = {
    nn.MSELoss: ("values", "value"),
    nn.L1Loss: ("values", "value"),
    nn.SmoothL1Loss: ("values", "value"),
    nn.HuberLoss: ("values", "value"),
    nn.BCEWithLogitsLoss: ("logits", "sigmoid"),
    nn.MultiLabelSoftMarginLoss: ("logits", "sigmoid"),
}
"""What a loss that is a part of the model says about an output without bounds."""


class OutputReader:
    """Runs a model, and turns its output into answers (N, K); `output` is known after the first pass."""

    def __init__(self, loaded: LoadedModel) -> None:
        # Not the model itself: who remembers the reader must not keep the model.
        self.forward: Callable[[Tensor], Any] = loaded.forward
        self.names = loaded.class_names
        self.output: Output | None = None
        self.score: ScoreKind = loaded.score
        kind = "values" if loaded.score == "value" and loaded.output is None else loaded.output
        self._said = _checked(kind), loaded.output_by, loaded.head
        losses = {LOSSES[type(part)] for part in loaded.module.children() if type(part) in LOSSES}
        self._loss = next(iter(losses)) if len(losses) == 1 else None
        self._headless = any(isinstance(getattr(loaded.module, name, None), nn.Identity) for name in HEADS)
        self._head = ""
        self._maker: tuple[int, str] | None = None
        """The softmax or sigmoid that makes the output: how many calls before the end, and its name."""

    def on(self, forward: Callable[[Tensor], Any]) -> OutputReader:
        """Return a reader of a copy of the model, with what is known about its output."""
        other: OutputReader = object.__new__(OutputReader)
        other.__dict__.update(self.__dict__, forward=forward)
        return other

    def __call__(self, inputs: Tensor) -> Tensor:
        """Compute the answers (N, K) of inputs (N, 3, h, w). Raises `InputError`: it fails, or has no such answers."""
        count = len(inputs)
        functions = LastFunctions()
        with functions if self._maker or self.output is None else nullcontext():
            raw = raw_output(self.forward, inputs)
        tables = heads.tables(raw, count, several=self.output is not None)
        if self.output is None:
            self._decide(raw, tables, functions)
        if self._head not in tables:
            raise _unclassed(raw, self._said[0])
        return self._answers(tables[self._head], functions)

    # ------------------------------------------------------------------------------------ once a model

    def _decide(self, raw: Any, tables: dict[str, Tensor], functions: LastFunctions) -> None:
        """Find out what the output is. Raises `InputError` if it has no answers, or is not what it is said to be."""
        said, said_by, wanted = self._said
        boxes = any(name.rpartition(".")[2] in {"boxes", "pred_boxes"} for name, _ in heads.tensors(raw))
        if not tables or said in WHAT or (boxes and said is None and wanted is None):
            raise _unclassed(raw, said or ("boxes" if boxes else None))
        head, note = (
            (heads.asked(tables, wanted), "") if wanted is not None else heads.choice(tables, self.names, functions)
        )
        answer = tables[head].detach()
        notes = [note] if note else []
        kind, remark = (said, "") if said else self._found(head, answer, functions)
        if kind in WHAT:
            raise _unclassed(raw, kind)
        if said:
            _check_range(said, answer)
        notes += [remark] if remark else []
        notes += self._about_names(answer.shape[1], kind)
        self.score = self._score(kind, answer.shape[1], functions, answer)
        self._head = head
        self._maker = _maker(kind, answer, functions)
        self.names = self.names or (heads.value_names(head, answer.shape[1]) if kind == "values" else None)
        self.output = Output(
            kind=kind,
            decided_by=said_by if said else "found",
            scores=self.score,
            explained=_explained(kind, visible=self._maker is not None, single=answer.shape[1] == 1),
            head=head if len(tables) > 1 else "",
            heads={name: (1, table.shape[1]) for name, table in tables.items()} if len(tables) > 1 else {},
            notes=tuple(notes),
        )

    def _found(self, head: str, answer: Tensor, functions: LastFunctions) -> tuple[OutputKind, str]:
        """Return what a head's output (N, K) is by its values and the functions that made it, and a note."""
        # Minus infinity may be the logarithm of a probability of zero, or rule out a class.
        values = answer.cpu().double().nan_to_num(nan=0.0, posinf=1e9, neginf=-1e9)
        near = SUM_TOLERANCE.get(answer.dtype, ROUGH)
        maker = functions.maker(answer)
        made_by = maker.name if maker else ""
        within = bool(((values >= 0) & (values <= 1)).all())
        # A head of zeros may equal the gate of a channel.
        bounded = within and bool(values.any()) and (made_by in BOUNDED or functions.bounds(answer))
        kind = _probability(values, near, bounded=bounded)
        if kind is None and not self._named(answer.shape[1]):
            unit = answer.shape[1] >= FEWEST and _close(values.norm(dim=1), near)
            headless = self._headless and made_by != "linear"
            kind = "embedding" if unit or headless or heads.is_feature(head) else None
        if kind is None and self._loss:
            kind = self._loss[0]
        if kind is None and answer.shape[1] == 1:
            return self._single(values, made_by)
        return kind or "logits", ""

    def _single(self, values: Tensor, made_by: str) -> tuple[OutputKind, str]:
        """Return what a single output is, and a note where nobody has said so."""
        names = len(self.names or ())
        text = f"The model has one output ({float(values[0, 0]):.4g} here). It is taken as a"
        if names <= 1 and (made_by in POSITIVE or bool((values.abs() > LARGEST_LOGIT).any())):
            return "values", Hint(f"{text} value; if it is the logit of two classes", output="logits")
        if names in {1, 2}:
            return "logits", ""
        return "logits", Hint(f"{text} logit of two classes; if it is a value (a regression)", output="values")

    def _named(self, columns: int) -> bool:
        """Return whether there is a class name for each column, or for each side of the only one."""
        return self.names is not None and (len(self.names) == columns or (columns == 1 and len(self.names) == 2))  # noqa: PLR2004

    def _about_names(self, columns: int, kind: OutputKind) -> list[str]:
        if self.names is None or self._named(columns):
            return []
        what = counted(columns, "value" if kind == "values" else "class")
        there = f"There {'is' if len(self.names) == 1 else 'are'} {counted(len(self.names), 'name')}"
        return [f"{there} for {what}, so that no name is used."]

    def _score(self, kind: OutputKind, columns: int, functions: LastFunctions, answer: Tensor) -> ScoreKind:
        if kind == "values":
            return "value"
        if kind == "sigmoid" or columns == 1:
            return "sigmoid"
        if kind != "logits":
            return "softmax"
        by_loss = self._loss == ("logits", "sigmoid")
        beside = any(call.name in SIGMOID and call.source.shape == answer.shape for call in functions.of(answer))
        return "sigmoid" if by_loss or beside else self.score

    # ------------------------------------------------------------------------------------ in each pass

    def _answers(self, answer: Tensor, functions: LastFunctions) -> Tensor:
        kind = self.output.kind if self.output else "logits"
        if kind == "values":
            return answer
        if kind != "logits":
            call = functions.at(*self._maker) if self._maker else None
            logits = call.logits(answer) if call else None
            answer = _as_logit(kind, answer) if logits is None else logits
        # A single logit decides between two classes: it is evidence for class 1 and against class 0.
        return torch.cat([-answer, answer], 1) if answer.shape[1] == 1 else answer


def _maker(kind: OutputKind, answer: Tensor, functions: LastFunctions) -> tuple[int, str] | None:
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
    maker = functions.maker(answer)
    logits = maker.logits(answer) if maker and maker.name in names else None
    if maker is None or logits is None or (answer.shape[1] == 1 and kind != "sigmoid"):
        return None
    # It may be over another dimension, or its input may have been written over.
    again = function(logits.detach()).to(answer.dtype)
    return functions.place(maker) if torch.allclose(again, answer, atol=ALIKE, equal_nan=True) else None


def _as_logit(kind: OutputKind, answer: Tensor) -> Tensor:
    """Return what a softmax, or a sigmoid, turns into the given (log-)probabilities (N, K)."""
    exact = answer if answer.dtype.itemsize >= 4 else answer.float()  # noqa: PLR2004
    if kind == "log-probabilities" and exact.shape[1] > 1:
        return exact
    if kind == "probabilities" and exact.shape[1] > 1:
        return exact.clamp_min(torch.finfo(exact.dtype).tiny).log()
    exact = exact.exp() if kind == "log-probabilities" else exact
    return torch.logit(exact, eps=torch.finfo(exact.dtype).eps)


def _probability(values: Tensor, near: float, *, bounded: bool) -> OutputKind | None:
    """Return which kind of probabilities values (N, K) are; None if they are none."""
    several = values.shape[1] > 1
    if several and bool((values >= 0).all()) and _close(values.sum(1), near):
        return "probabilities"
    if several and bool((values <= 0).all()) and _close(values.exp().sum(1), near):
        return "log-probabilities"
    return "sigmoid" if bounded else None


def _explained(kind: OutputKind, *, visible: bool, single: bool) -> str:
    if kind in {"logits", "values"}:
        return ""
    if visible:
        before = {"probabilities": "softmax", "log-probabilities": "log-softmax"}.get(kind, "sigmoid")
        return f"logit before the {before}"
    if kind == "sigmoid" or single:
        return "log-odds"
    return "log-probability" if kind == "probabilities" else ""


def _close(sums: Tensor, near: float) -> bool:
    return bool(((sums - 1).abs() <= near).all())


def _checked(kind: str | None) -> OutputKind | None:
    """Return a kind of output that somebody names. Raises `UnknownNameError`."""
    if kind is None:
        return None
    if kind not in KINDS:
        raise UnknownNameError("kind of output", str(kind), KINDS, hint=f"Choose from: {', '.join(KINDS)}.")
    return KINDS[KINDS.index(kind)]


def _check_range(kind: OutputKind, answer: Tensor) -> None:
    """Raise `InputError` for (log-)probabilities that are none."""
    ranges = {"probabilities": (0.0, 1.0), "sigmoid": (0.0, 1.0), "log-probabilities": (-float("inf"), 0.0)}
    low, high = ranges.get(kind, (-float("inf"), float("inf")))
    values = answer.cpu().double().nan_to_num(nan=low)
    if bool(((values < low - ROUGH) | (values > high + ROUGH)).any()):
        message = (
            f"The output is said to be {kind}, and lies in {float(values.min()):.4g} to {float(values.max()):.4g}."
        )
        raise InputError(message, hint=Hint("Leave it out, or say what it is", output="logits"))


def _unclassed(raw: Any, kind: OutputKind | None) -> InputError:
    """Return the error for an output that has no row of answers for each picture."""
    shapes = [(name, tensor) for name, tensor in heads.tensors(raw)]
    shape = ", ".join(f"{name} {heads.shape_text(tensor)}".strip() for name, tensor in shapes) or type(raw).__name__
    if kind is None and any(_spatial(tensor) for _, tensor in shapes):
        kind = "dense"
    if kind in WHAT:
        message = f"The model's output is {WHAT[kind]} ({shape})."
        hint: str = Hint("Maps explain class scores so far. If it has scores of classes, say so", output="logits")
        if kind != "embedding":
            hint = (
                "Maps explain class scores so far. Wrap it in a python: source that returns class scores (N, classes)."
            )
        return InputError(message, hint=hint)
    found = tuple(raw.shape) if isinstance(raw, Tensor) else shape
    message = f"The model returned {found}; a classifier returns class scores (N, classes)."
    return InputError(message, hint="Wrap it in a python: source whose forward pass returns class scores.")


def _spatial(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and sum(size > 1 for size in tensor.shape[1:]) > 1
