"""Rows of a results folder: one for each picture, target and method, in Arrow columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError
from camctl.results.schema import extra_names

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from camctl.datasets import Data
    from camctl.pipeline.dataset.pictures import Prepared
    from camctl.pipeline.manner import Key, Passed
    from camctl.pipeline.scene import LayerGroup
    from camctl.values.cam import Smoothing

TOP = 5
"""Number of predictions that a row lists."""


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What became of one picture: its maps and figures, or an error."""

    index: int
    about: Prepared | None = None
    passed: Passed | None = None
    figures: Mapping[Key, Mapping[str, float]] = field(default_factory=dict)
    error: str | None = None
    remark: str = ""
    """Why there is no map although nothing failed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Makes rows of what became of pictures."""

    data: Data
    schema: pa.Schema
    metrics: Mapping[str, str]
    group: LayerGroup
    smoothing: Smoothing
    label_index: Callable[[str], int | None]
    """From a picture's label to the class's index; None if the model has no such class."""

    def table(self, explained: Sequence[Explained]) -> pa.Table:
        """Return the rows of these pictures."""
        import pyarrow as pa

        entries = {picture.index: self.data.entries[picture.index] for picture in explained}
        rows: list[dict[str, Any]] = []
        maps: list[NDArray[np.float32] | None] = []
        for picture in explained:
            entry = entries[picture.index]
            common = {
                "index": picture.index,
                "id": entry.id,
                "path": entry.path,
                "label": entry.label,
                "label_index": None if entry.label is None else self.label_index(entry.label),
                "error": picture.error,
                "reason": picture.remark or None,
                **(_about(picture.about) if picture.about else {}),
                **(_predictions(picture.passed) if picture.passed else {}),
            }
            own = list(self._maps(picture))
            rows += [common | row for row, _ in own] or [common]
            maps += [raw for _, raw in own] or [None]
        extras = dict(zip(extra_names(self.metrics, self.data.columns).values(), self.data.extras.columns, strict=True))
        peaks, cells = _cells(maps)
        columns: dict[str, Any] = {"peak": pa.array(peaks, pa.float32()), "map": cells}
        columns |= {
            item.name: pa.array([row.get(item.name) for row in rows], item.type)
            for item in self.schema
            if item.name not in columns and item.name not in extras
        }
        indices = [row["index"] for row in rows]
        columns |= {name: column.take(indices) for name, column in extras.items()}
        return pa.table(columns).select(self.schema.names)

    def _maps(self, picture: Explained) -> Iterable[tuple[dict[str, Any], NDArray[np.float32] | None]]:
        """Yield the columns that differ from map to map, and the signed map; a method that failed has a reason."""
        if picture.passed is None:
            return
        for key, drawn in sorted(picture.passed.maps.items(), key=lambda item: item[0]):
            target = picture.passed.targets[key[0]]
            if isinstance(target, CamctlError):
                continue
            asked = {
                "target": target.title if target.special and not target.versus else target.label,
                "target_index": target.index,
                "target_score": target.score,
                "target_box": list(target.mark) if isinstance(target.mark, tuple) else None,
                "versus": [other.label for other in target.versus],
                "smoothing": self.smoothing,
            }
            if isinstance(drawn, CamctlError):
                yield asked | {"error": drawn.message}, None
                continue
            raw = drawn.raw.numpy()
            yield (
                asked
                | {
                    "method": drawn.method.name,
                    "layers": list(self.group.of(drawn.method)),
                    "verdict": drawn.verdict.name,
                    "reason": drawn.verdict.reason or None,
                    "grid_height": raw.shape[0],
                    "grid_width": raw.shape[1],
                    **picture.figures.get(key, {}),
                },
                raw,
            )


def _about(picture: Prepared) -> dict[str, Any]:
    return {
        "sha256": picture.sha256,
        "height": picture.size[0],
        "width": picture.size[1],
        "view": list(picture.view.box),
        "input_height": picture.view.size[0],
        "input_width": picture.view.size[1],
    }


def _predictions(passed: Passed) -> dict[str, Any]:
    top = passed.predictions.top(TOP)
    return {"predictions": [{"index": one.index, "label": one.label, "score": one.score} for one in top]}


def _cells(maps: Sequence[NDArray[np.float32] | None]) -> tuple[list[float | None], pa.Array]:
    """Return the largest absolute value of each map, and the maps as shares of it; none of one that is not finite."""
    import numpy as np
    import pyarrow as pa

    peaks: list[float | None] = []
    parts, offsets = [], [0]
    for raw in maps:
        peak = None if raw is None else float(np.abs(raw).max())
        if raw is None or peak is None or not np.isfinite(peak):
            peaks.append(None)
            offsets.append(offsets[-1])
            continue
        peaks.append(peak)
        parts.append((raw.ravel() / (peak or 1.0)).astype(np.float16))
        offsets.append(offsets[-1] + raw.size)
    cells = pa.array(np.concatenate(parts) if parts else np.zeros(0, np.float16), pa.float16())
    missing = pa.array([peak is None for peak in peaks])
    return peaks, pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), cells, mask=missing)
