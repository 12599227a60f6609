"""What is asked of a detector: the score of a detected box, which is followed by its overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from camctl.engine import heads
from camctl.engine.predictions import Predictions
from camctl.engine.unanswerable import AbsentError, not_asked
from camctl.errors import Hint, InputError
from camctl.plugin import Question
from camctl.values.questions import Detection
from camctl.values.regions import into_input, into_picture
from camctl.values.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.plugin import ScoreKind
    from camctl.values.output import Output
    from camctl.values.questions import Asked
    from camctl.values.regions import Box
    from camctl.values.view import View

MOST = 300
"""Number of boxes of a picture that are kept, those of the highest scores: each picture has as many rows."""

FITTING = 0.5
"""Least overlap (IoU) of boxes that are the same object's."""

ROW = 6
"""Numbers of a box: left, top, right and lower edge, class, score."""

FEW = 5
"""Number of boxes that a message lists."""

SIDES = 4

QUERIED = ("pred_boxes", "masks_queries_logits", "pred_masks")
"""Names of outputs that hold a row for each query."""


def are_boxes(raw: Any) -> bool:
    """Return whether a model's output is the boxes of a detector that camctl can read."""
    return _by_picture(raw) is not None or _by_query(raw) is not None


def queries_in(raw: Any) -> int:
    """Return the number of queries of a network's output, each an object's and not a place; 0 for another network."""
    for name, tensor in heads.tensors(raw):
        if name in QUERIED and tensor.ndim > 2:  # noqa: PLR2004
            return tensor.shape[1]
    return 0


def rows(raw: Any, inputs: Tensor, *, apart: bool = False, names: int = 0) -> Tensor:
    """Return the detections (N, MOST, 6) of N pictures, best first; rows of no box are zeros. Raises `InputError`.

    `apart`: of a network of queries each class has a score of its own (sigmoid), and none is for no object; so it is
    as well if there is a name for each column.
    """
    found = _by_picture(raw)
    if found is None:
        queries = _by_query(raw)
        if queries is None:
            message = "The model's output is said to be boxes, and has none."
            hint = "It needs boxes (M, 4), scores (M,) and labels (M,) of each picture."
            raise InputError(message, hint=hint)
        apart = apart or queries[1].shape[-1] == names
        found = _of_queries(*queries, inputs, apart=apart)
    if len(found) != len(inputs):
        message = f"The detector returned the boxes of {len(found)} pictures, and was given {len(inputs)}."
        raise InputError(message, hint="Return boxes, scores and labels of each picture of the batch.")
    return torch.stack([_padded(*each) for each in found])


def _padded(boxes: Tensor, labels: Tensor, scores: Tensor) -> Tensor:
    own = torch.cat([boxes, labels[:, None].to(boxes.dtype), scores[:, None].to(boxes.dtype)], 1)
    own = own[scores.detach().argsort(descending=True, stable=True)[:MOST]]
    return torch.cat([own, own.new_zeros(MOST - len(own), ROW)])


def _by_picture(raw: Any) -> list[tuple[Tensor, Tensor, Tensor]] | None:
    """Return boxes, labels and scores of each picture, as torchvision returns them; None for another output.

    Without labels, all are of one class.
    """
    several = [raw] if isinstance(raw, Mapping) else raw
    if not isinstance(several, list | tuple) or not several:
        return None
    found = []
    for one in several:
        boxes, scores = (one.get(key) if isinstance(one, Mapping) else None for key in ("boxes", "scores"))
        if not isinstance(boxes, Tensor) or not isinstance(scores, Tensor) or boxes.shape[1:] != (SIDES,):
            return None
        labels = one.get("labels", one.get("classes"))
        found.append((boxes, labels if isinstance(labels, Tensor) else torch.zeros_like(scores), scores))
    return found


def _by_query(raw: Any) -> tuple[Tensor, Tensor] | None:
    """Return boxes (N, Q, 4) and class logits (N, Q, K) of a network of queries (DETR); None for another output."""
    named = raw.get if isinstance(raw, Mapping) else partial(_attribute, raw)
    boxes, logits = named("pred_boxes"), named("logits")
    logits = named("pred_logits") if logits is None else logits
    if not isinstance(boxes, Tensor) or not isinstance(logits, Tensor):
        return None
    return (boxes, logits) if boxes.ndim == logits.ndim == 3 and boxes.shape[-1] == SIDES else None  # noqa: PLR2004


def _attribute(raw: Any, name: str) -> Any:
    return getattr(raw, name, None)


def _of_queries(boxes: Tensor, logits: Tensor, inputs: Tensor, *, apart: bool) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Return the boxes of each picture: centres and sizes as shares become edges.

    The last class is no object, and a box has its best class; or each class of each box is a detection (`apart`).
    """
    middle, half = boxes[..., :2], boxes[..., 2:] / 2
    size = boxes.new_tensor([inputs.shape[-1], inputs.shape[-2]] * 2)
    edges = torch.cat([middle - half, middle + half], -1) * size
    if not apart:
        scores, labels = logits.softmax(-1)[..., :-1].max(-1)
        return list(zip(edges, labels, scores, strict=True))
    classes = logits.shape[-1]
    labels = torch.arange(classes, device=logits.device).expand_as(logits)
    pairs = edges.repeat_interleave(classes, 1), labels.flatten(1), logits.sigmoid().flatten(1)
    return list(zip(*pairs, strict=True))


def overlaps(box: Sequence[float], boxes: Tensor) -> Tensor:
    """Return the overlap (IoU) of a box with boxes (..., 4)."""
    own = boxes.new_tensor(tuple(box))
    inside = (torch.minimum(own[2:], boxes[..., 2:4]) - torch.maximum(own[:2], boxes[..., :2])).clamp_min(0).prod(-1)
    area = (boxes[..., 2:4] - boxes[..., :2]).clamp_min(0).prod(-1)
    return inside / ((own[2:] - own[:2]).prod() + area - inside).clamp_min(1e-12)


@dataclass(frozen=True)
class BoxQuestion(Question):
    """Which evidence there is for a detected object.

    The answer is the log-odds of the score of the box of its class that fits it best; of no score where none fits.
    """

    box: Box
    label: int
    column: int = 0
    score: ScoreKind = "sigmoid"

    def answers(self, output: Tensor) -> Tensor:
        """Turn detections (N, M, 6) into log-odds (N, 1)."""
        fit, best = self._fit(output)
        score = torch.where(fit.gather(1, best) > FITTING, output[..., 5].gather(1, best), 0)
        return torch.logit(score.float(), eps=torch.finfo(torch.float32).eps)

    def edges(self, output: Tensor) -> Tensor:
        """Return the edges (N, 4) of the box that fits best."""
        _, best = self._fit(output)
        return output[..., :4].gather(1, best[..., None].expand(-1, -1, 4))[:, 0]

    def _fit(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Return the overlap of each box of the class (N, M), and the number of the best (N, 1)."""
        fit = overlaps(self.box, output[..., :4].detach())
        fit = torch.where((output[..., 4] == self.label) & (output[..., 5] > 0), fit, torch.zeros_like(fit))
        return fit, fit.argmax(1, keepdim=True)

    def mirrored(self, width: int) -> BoxQuestion:
        """Return the question about the mirrored picture."""
        left, top, right, bottom = self.box
        return BoxQuestion((width - right, top, width - left, bottom), self.label)


class BoxPredictions(Predictions):
    """One picture's detections (M, 6), best first, and the questions about them."""

    def __init__(
        self,
        detections: Tensor,
        names: Sequence[str] | None,
        synonyms: Sequence[str],
        output: Output | None,
        view: View | None,
    ) -> None:
        there = detections[detections[:, 5] > 0]
        classes = len(names) if names is not None else int(there[:, 4].max() + 1) if len(there) else 1
        super().__init__(detections.new_zeros(classes), names, "sigmoid", synonyms, output)
        self.logits, self.there, self.view = detections, there, view

    def top(self, count: int) -> tuple[Target, ...]:
        """Return the `count` detections with the highest scores."""
        return tuple(self._detected(number) for number in range(min(count, len(self.there))))

    def above(self, threshold: float) -> tuple[Target, ...]:
        """Return the detections that score above a threshold. Raises `InputError` if none does."""
        targets = tuple(target for target in self.top(len(self.there)) if target.score > threshold)
        if not targets and len(self.there):
            message = f"No detection scores above {threshold:g}: the best has {float(self.there[0, 5]):.3g}."
            raise AbsentError(message, hint=Hint("Explain the best one with", target_box=0))
        return targets

    def check(self, name: Asked) -> None:
        """Raise `InputError` for what cannot be asked of any picture: an object may be in others."""
        if isinstance(name, int | str):
            self.index_of(name)
        elif not isinstance(name, Detection):
            raise not_asked(name, self.output)

    def expected(self, name: int | str) -> Target:
        """Return the class that is expected, with the best score of its boxes."""
        target = super().expected(name)
        scores = self.there[self.there[:, 4] == target.index, 5]
        return replace(target, score=float(scores.max()) if len(scores) else 0.0)

    def index_of(self, name: int | str) -> int:
        """Return the index of a class, detected or not. Raises `InputError`."""
        return super().find(name).index

    def find(self, name: Asked) -> Target:
        """Return a detection by number, by its box, or the best one of a class. Raises `InputError`."""
        if isinstance(name, Detection):
            return self._at(name.box)
        if not isinstance(name, int | str):
            raise not_asked(name, self.output)
        label = self.index_of(name)
        numbers = (self.there[:, 4] == label).nonzero()[:, 0].tolist()
        if not numbers:
            named = self.names[label] if self.names else str(label)
            raise AbsentError(f"No '{named}' is detected: {self._listed()}.", hint="Name a class that is detected.")
        return self._detected(numbers[0])

    def contrasted(self, target: Target, names: Sequence[int | str], strength: float = 1.0) -> Target:  # noqa: ARG002
        """Raise `InputError`: a detector scores each box by itself."""
        message = f"'{target.title}' is a detection, and its score has no others to contrast with."
        raise InputError(message, hint="Leave out the contrast.")

    def _at(self, box: Box | int) -> Target:
        self._some()
        if isinstance(box, int):
            if not 0 <= box < len(self.there):
                message = f"There is no detection {box}: the model found {len(self.there)}, counted from 0."
                raise AbsentError(message, hint=Hint("Explain the best one with", target_box=0))
            return self._detected(box)
        fit = overlaps(into_input(box, self.view) if self.view else box, self.there)
        best = int(fit.argmax())
        if float(fit[best]) < FITTING:
            edges = ",".join(f"{side:.6g}" for side in box)
            message = f"No detected box fits {edges}: the best overlaps it by {float(fit[best]):.2f} (IoU)."
            raise AbsentError(message, hint=Hint(f"Detected are: {self._listed()}. Choose by number", target_box=0))
        return self._detected(best)

    def _some(self) -> None:
        if not len(self.there):
            message = "The model detects nothing in this picture."
            raise AbsentError(message, hint="Choose another picture, or a detector with a lower score threshold.")

    def _detected(self, number: int) -> Target:
        row = self.there[number]
        own = (float(row[0]), float(row[1]), float(row[2]), float(row[3]))
        label = int(row[4])
        name = self.names[label] if self.names and 0 <= label < len(self.names) else str(label)
        box = into_picture(own, self.view) if self.view else own
        question = BoxQuestion(own, label)
        return Target(index=label, label=name, score=float(row[5]), box=box, mark=box, question=question)

    def _listed(self) -> str:
        """Return the first detections in words."""
        texts = [f"{number} {target.title}" for number, target in enumerate(self.top(FEW))]
        more = [f"and {len(self.there) - FEW} more"] if len(self.there) > FEW else []
        return "; ".join([*texts, *more]) or "nothing is"
