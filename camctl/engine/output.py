"""What a model's output is, and what questions are asked of: a row (K,) for each picture, or what stands for one.

Scores of classes, values and embeddings have rows (N, K), dense outputs (N, K, h, w), and detectors (N, M, 6): M boxes
with their classes and scores.

Where the source, the module or the user says nothing, the first output says what it is: its values, and the functions
that made it. No forward pass is added.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import torch
from torch import Tensor, nn

from camctl.engine import dense, detections, heads
from camctl.engine.last_functions import BOUNDED, POSITIVE, SIGMOID, LastFunctions
from camctl.engine.predictions import raw_output
from camctl.engine.probabilities import (
    ROUGH,
    as_logit,
    check_range,
    close,
    logit_name,
    maker_of,
    probability,
)
from camctl.errors import Hint, InputError, UnknownNameError
from camctl.values.output import Output, OutputKind
from camctl.values.texts import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from camctl.plugin import LoadedModel, ScoreKind

KINDS: tuple[OutputKind, ...] = get_args(OutputKind)

WHAT: dict[str, str] = {
    "embedding": "a row of features for each picture",
    "dense": "an output (N, classes, h, w) for every place of each picture",
    "boxes": "boxes, labels and scores of each picture",
}
"""Kinds without a score for each class of a picture."""
SUM_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}
"""Largest deviation from 1 of the sum of a row of probabilities, and of an embedding's length; `ROUGH` in halves."""
FEWEST = 3
"""Fewest numbers of an embedding: two of length 1 may be an angle's."""

LARGEST_LOGIT = 15.0
"""Absolute value beyond which a single output is a value: a score of 3e-7 means nothing."""

SHOWN: dict[str, ScoreKind] = {"values": "value", "embedding": "cosine"}
"""Kinds whose rows are read as they are, and how they become scores."""

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
        self._rows: Callable[[Any, Tensor], Tensor] | None = None
        """What makes rows of an output that is no table of scores, from it and the inputs."""

    def on(self, forward: Callable[[Tensor], Any]) -> OutputReader:
        """Return a reader of a copy of the model, with what is known about its output."""
        other: OutputReader = object.__new__(OutputReader)
        other.__dict__.update(self.__dict__, forward=forward)
        return other

    def __call__(self, inputs: Tensor) -> Tensor:
        """Compute the rows (N, ...) of inputs (N, 3, h, w). Raises `InputError`: it fails, or has no such output."""
        count = len(inputs)
        functions = LastFunctions()
        with functions if self._maker or self.output is None else nullcontext():
            raw = raw_output(self.forward, inputs)
        if self.output is None and self._rows_of(raw, count):
            self._decide_rows(raw, inputs)
        if self._rows is not None:
            rows = self._rows(raw, inputs)
            # A single logit decides between two classes, here of every place.
            single = self.output is not None and self.output.kind == "dense" and rows.shape[1] == 1
            return torch.cat([-rows, rows], 1) if single and self.score != "value" else rows
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
        if not tables:
            raise _unclassed(raw, said)
        head, note = (
            (heads.asked(tables, wanted), "") if wanted is not None else heads.choice(tables, self.names, functions)
        )
        answer = tables[head].detach()
        notes = [note] if note else []
        kind, remark = (said, "") if said else self._found(head, answer, functions)
        if said:
            check_range(said, answer)
        notes += [remark] if remark else []
        notes += self._about_names(answer.shape[1], kind)
        self.score = self._score(kind, answer.shape[1], functions, answer)
        self._head = head
        self._maker = maker_of(kind, answer, functions)
        self.names = self.names or (heads.value_names(head, answer.shape[1]) if kind == "values" else None)
        self.output = Output(
            kind=kind,
            decided_by=said_by if said else "found",
            scores=self.score,
            explained=logit_name(kind, visible=self._maker is not None, single=answer.shape[1] == 1),
            head=head if len(tables) > 1 else "",
            heads={name: (1, table.shape[1]) for name, table in tables.items()} if len(tables) > 1 else {},
            notes=tuple(notes),
        )

    def _rows_of(self, raw: Any, count: int) -> bool:
        """Return whether the output is not a table of scores: boxes, a dense output, or features of many places."""
        said, _, wanted = self._said
        if said in {"boxes", "dense"} or (said is None and wanted is None and detections.are_boxes(raw)):
            return True
        return said in {None, "embedding"} and not heads.tables(raw, count) and bool(dense.fields(raw, count))

    def _decide_rows(self, raw: Any, inputs: Tensor) -> None:
        """Find out what an output is that is no table. Raises `InputError` if it is not what it is said to be."""
        said, said_by, wanted = self._said
        kind: OutputKind = said or ("boxes" if detections.are_boxes(raw) and wanted is None else "dense")
        head, found = "", dense.fields(raw, len(inputs), planes=said == "dense")
        explained, apart = "score of a box", self.score == "sigmoid"
        self._rows = partial(detections.rows, apart=apart, names=len(self.names or ()))
        if kind == "boxes":
            self.score = "sigmoid"
        else:
            if not found:
                raise _unclassed(raw, said)
            head = heads.asked(found, wanted) if wanted is not None else dense.usual(found, self.names)
            explained, self.score = "mean over a region", self._dense_score(found[head])
            own = "logits" if self.score == "value" else dense.kind_of(found[head])
            self._rows = partial(dense.rows, head=head, kind=own)
        if kind == "embedding":
            explained, self.score, self._rows = "mean over all places", "cosine", partial(dense.pooled, head=head)
        self.output = Output(
            kind=kind,
            decided_by=said_by if said else "found",
            scores=self.score,
            explained=explained,
            head=head if len(found) > 1 else "",
            heads={name: (1, *field.shape[1:]) for name, field in found.items()} if len(found) > 1 else {},
        )

    def _dense_score(self, field: Tensor) -> ScoreKind:
        """Return how a dense output becomes scores: one column of large numbers are values, such as depths."""
        if self.score == "value" or field.shape[1] > 1:
            return self.score
        return "value" if not self.names and bool((field.detach().abs() > LARGEST_LOGIT).any()) else "sigmoid"

    def _found(self, head: str, answer: Tensor, functions: LastFunctions) -> tuple[OutputKind, str]:
        """Return what a head's output (N, K) is by its values and the functions that made it, and a note."""
        # Minus infinity may be the logarithm of a probability of zero, or rule out a class.
        values = answer.cpu().double().nan_to_num(nan=0.0, posinf=1e9, neginf=-1e9)
        near = SUM_TOLERANCE.get(answer.dtype, ROUGH)
        made = functions.maker(answer)
        made_by = made.name if made else ""
        within = bool(((values >= 0) & (values <= 1)).all())
        # A head of zeros may equal the gate of a channel.
        bounded = within and bool(values.any()) and (made_by in BOUNDED or functions.bounds(answer))
        kind = probability(values, near, bounded=bounded)
        if kind is None and not self._named(answer.shape[1]):
            unit = answer.shape[1] >= FEWEST and close(values.norm(dim=1), near)
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
        if self.names is None or kind == "embedding" or self._named(columns):
            return []
        what = counted(columns, "value" if kind == "values" else "class")
        there = f"There {'is' if len(self.names) == 1 else 'are'} {counted(len(self.names), 'name')}"
        return [f"{there} for {what}, so that no name is used."]

    def _score(self, kind: OutputKind, columns: int, functions: LastFunctions, answer: Tensor) -> ScoreKind:
        if kind in SHOWN:
            return SHOWN[kind]
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
        if kind in SHOWN:
            return answer
        if kind != "logits":
            call = functions.at(*self._maker) if self._maker else None
            logits = call.logits(answer) if call else None
            answer = as_logit(kind, answer) if logits is None else logits
        # A single logit decides between two classes: it is evidence for class 1 and against class 0.
        return torch.cat([-answer, answer], 1) if answer.shape[1] == 1 else answer


def _checked(kind: str | None) -> OutputKind | None:
    """Return a kind of output that somebody names. Raises `UnknownNameError`."""
    if kind is None:
        return None
    if kind not in KINDS:
        raise UnknownNameError("kind of output", str(kind), KINDS, hint=f"Choose from: {', '.join(KINDS)}.")
    return KINDS[KINDS.index(kind)]


def _unclassed(raw: Any, kind: OutputKind | None) -> InputError:
    """Return the error for an output that has no row of answers for each picture."""
    shapes = [(name, tensor) for name, tensor in heads.tensors(raw)]
    shape = ", ".join(f"{name} {heads.shape_text(tensor)}".strip() for name, tensor in shapes) or type(raw).__name__
    if kind in WHAT:
        message = f"The model's output is said to be {kind} ({shape}), and is not {WHAT[kind]}."
        return InputError(message, hint="Leave it out: what the output is is found.")
    found = tuple(raw.shape) if isinstance(raw, Tensor) else shape
    message = f"The model returned {found}; a classifier returns class scores (N, classes)."
    return InputError(message, hint="Wrap it in a python: source whose forward pass returns class scores.")
