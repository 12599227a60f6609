"""One picture of a data set, without its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """What a data set says about one picture.

    `id` is unique in the data set and the same in every run: the path relative to the data set, with `#2` behind a
    repeated one. `path` is where the picture is, as the user would write it; bytes that are no text stand as U+FFFD.
    `label` is its true class, if the data set tells it. `box` is `(x0, y0, x1, y1)` in the picture's pixels.
    `columns` are the data set's other columns.
    """

    id: str
    path: str
    label: str | None = None
    box: tuple[float, ...] | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
