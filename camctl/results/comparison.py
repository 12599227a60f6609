"""Pictures of a results folder side by side: their maps as a comparison, without the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from shlex import quote
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.results.review import baselines_of, better_of
from camctl.results.schema import ROW
from camctl.values.axis import AXES, Axis, places
from camctl.values.comparison import Cell, Comparison, Measure
from camctl.values.explanation import Explanation
from camctl.values.target import Target

if TYPE_CHECKING:
    from camctl.results.results import Results
    from camctl.values.cam import Cam

Question = tuple[str | None, int | None, tuple[str, ...]]
"""What a row asks: class, its index, and the classes that it is contrasted with."""


def compared(results: Results, ids: Sequence[str]) -> Comparison:
    """Return the maps of pictures as a comparison of their methods, drawn without the model.

    Parameters
    ----------
    results
        From `open_results`.
    ids
        Ids of pictures, as the rows have them.

    Raises
    ------
    InputError
        There is no such picture, it has no map, or its file is no longer there.
    """
    rows = _rows(results, ids)
    methods = list(dict.fromkeys(row["method"] for own in rows.values() for row in own if row["method"]))
    if not methods:
        reason = next((row["error"] or row["reason"] for own in rows.values() for row in own), None)
        message = f"There is no map of {', '.join(map(repr, ids))}: {reason or 'none was made.'}"
        raise InputError(message, hint="Choose other pictures.")
    pictures = {index: _Pictured(results, own) for index, own in rows.items()}
    axes = _axes(results, list(pictures.values()), methods)
    better = better_of(results)
    cells = tuple(_cell(list(pictures.values())[at["image"]], at, methods, better) for at in places(axes))
    return Comparison(
        axes=axes,
        cells=cells,
        explanations={(place, 0): one.explanation(results) for place, one in enumerate(pictures.values())},
        pictures=tuple(one.picture for one in pictures.values()),
        metrics=tuple(Measure(name=name, title=name, better=way) for name, way in better.items()),  # type: ignore[arg-type]
        baselines=tuple(name for name in baselines_of(results) if name in methods),
    )


def _rows(results: Results, ids: Sequence[str]) -> dict[int, list[dict[str, Any]]]:
    """Return the rows of pictures by their index, in the order of the ids."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = results.table(filter=pc.is_in(pc.field("id"), pa.array(list(ids), pa.string())))
    by_id: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        by_id.setdefault(row["id"], []).append(row)
    found: dict[int, list[dict[str, Any]]] = {}
    for name in dict.fromkeys(ids):
        if name not in by_id:
            message = f"The results have no picture '{name}'."
            raise InputError(message, hint=Hint("See ids of pictures", f"review {quote(str(results.out))}", worst=10))
        for row in by_id[name]:
            found.setdefault(row["index"], []).append(row)
    return found


class _Pictured:
    """The rows of one picture, and their maps."""

    def __init__(self, results: Results, rows: Sequence[dict[str, Any]]) -> None:
        self.rows = rows
        drawn = [
            row for row, raw in zip(rows, results.maps([row[ROW] for row in rows]), strict=True) if raw is not None
        ]
        cams = list(results.cams([row[ROW] for row in drawn]))
        self.maps = {row[ROW]: cam for row, cam in zip(drawn, cams, strict=True)}
        if not cams:
            message = (
                f"There is no map of '{rows[0]['id']}': {rows[0]['error'] or rows[0]['reason'] or 'none was made.'}"
            )
            raise InputError(message, hint="Choose another picture.")
        self.picture = cams[0].picture
        self.questions: list[Question] = list(dict.fromkeys(map(_question, rows)))

    def row(self, question: int, method: str) -> dict[str, Any] | None:
        """Return the row of a question, by its number, and a method; None if there is none."""
        if question >= len(self.questions):
            return None
        asked = self.questions[question]
        own = (row for row in self.rows if _question(row) == asked)
        return next((row for row in own if row["method"] == method), None)

    def explanation(self, results: Results) -> Explanation:
        """Return what all maps of the picture have in common."""
        about, first = results.about, self.rows[0]
        maps: tuple[Cam, ...] = tuple(self.maps.values())
        predictions = first["predictions"] or ()
        return Explanation(
            image=str(first["path"]),
            model=str(results.start.get("model", "")),
            predictions=tuple(
                Target(index=one["index"], label=str(one["label"]), score=one["score"]) for one in predictions
            ),
            maps=maps,
            random_weights=bool(about.get("random_weights")),
            repairs=(),
            notes=tuple(map(str, about.get("notes") or ())),
            checkpoint=None,
            checkpoint_sha256=None,
            forward_milliseconds=0.0,
            backward_milliseconds=0.0,
            versions=about.get("versions") or {},
            precision=str(results.start.get("precision", "float32")),
            image_sha256=first["sha256"] or "",
        )


def _question(row: Mapping[str, Any]) -> Question:
    return row["target"], row["target_index"], tuple(row["versus"] or ())


def _axes(results: Results, pictures: Sequence[_Pictured], methods: Sequence[str]) -> tuple[Axis, ...]:
    first = next(iter(pictures[0].maps.values()))
    ids = [one.rows[0]["id"] for one in pictures]
    labels = {
        "image": ids,
        "model": [str(results.start.get("model", ""))],
        "layer": [" + ".join(first.layers)],
        "class": [_class_label(pictures, place) for place in range(max(len(one.questions) for one in pictures))],
        "smoothing": ["" if first.smoothing == "none" else first.smoothing],
        "method": list(methods),
    }
    return tuple(Axis(name=name, labels=tuple(labels[name])) for name in AXES)


def _class_label(pictures: Sequence[_Pictured], place: int) -> str:
    """Return the class that all pictures are asked about, or the number of the question."""
    names = {one.questions[place][0] for one in pictures if place < len(one.questions)}
    return str(names.pop()) if len(names) == 1 else f"class {place + 1}"


def _cell(one: _Pictured, at: Mapping[Any, int], methods: Sequence[str], better: Mapping[str, str]) -> Cell:
    row = one.row(at["class"], methods[at["method"]])
    cam = None if row is None else one.maps.get(row[ROW])
    if row is None or cam is None:
        reason = (row and (row["error"] or row["reason"])) or "The results have no such map."
        return Cell(at=dict(at), cam=None, reason=reason)
    figures = {name: row[name] for name in better if row[name] is not None and math.isfinite(row[name])}
    return Cell(at=dict(at), cam=cam, figures=figures)
