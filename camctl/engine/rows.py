"""What a model's rows say if they are no scores: by the kind of its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.engine.dense import DensePredictions
from camctl.engine.detections import BoxPredictions
from camctl.engine.embedding import EmbeddingPredictions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from camctl.engine.embedding import Embed
    from camctl.engine.output import OutputReader
    from camctl.engine.predictions import Predictions
    from camctl.values.view import View

    Place = tuple[View | None, tuple[int, int] | None]
    """A picture's view and size; None where there is no picture."""


def embeddings_of(rows: Tensor, reader: OutputReader, embed: Embed, empty: Callable[[], Tensor]) -> list[Predictions]:
    """Return what each picture's embedding, of (B, D), can be asked."""
    return [EmbeddingPredictions(row, reader.output, embed, empty) for row in rows]


def objects_of(
    rows: Tensor, reader: OutputReader, synonyms: Sequence[str], places: Sequence[Place]
) -> list[Predictions]:
    """Return what each picture's detections (B, M, 6) or dense output (B, K, h, w) say, and can be asked."""
    names, output = reader.names, reader.output
    pairs = zip(rows, places or [(None, None)] * len(rows), strict=True)
    if output is not None and output.kind == "boxes":
        return [BoxPredictions(row, names, synonyms, output, view) for row, (view, _) in pairs]
    return [DensePredictions(row, names, reader.score, synonyms, output, *place) for row, place in pairs]
