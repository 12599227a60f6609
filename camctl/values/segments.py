"""What is cut out of a map: its connected parts above a threshold, as boxes and masks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.values.regions import into_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.regions import AnyRegion, Bools, Box
    from camctl.values.view import View

OTSU = "otsu"

QUANTILE = re.compile(r"q(\d{1,2}(?:\.\d+)?)", re.IGNORECASE)

BINS = 256
"""Number of levels between which Otsu's threshold is looked for."""

LEAST = 1e-6
"""Least value of a map that is light at all."""

SMALLEST = 0.01
"""Least share of the pixels above the threshold that is a part of its own: less is a speck."""


@dataclass(frozen=True)
class Cut:
    """How parts are cut out of a map.

    Parameters
    ----------
    threshold
        `otsu` for the level that separates light and dark best; a share of the map's maximum, such as `0.5`; or a
        quantile of its pixels, such as `q95`.
    masks
        Show the parts themselves, and not the boxes around them.

    Examples
    --------
    >>> Cut("q95").level_of([0, 0.25, 0.5, 0.75, 1])
    0.95
    """

    threshold: str = OTSU
    masks: bool = False

    def __post_init__(self) -> None:
        """Raise `InputError` for a threshold that is none."""
        text = self.threshold.strip().casefold()
        share = text.replace(".", "", 1).isdecimal() and 0 < float(text) <= 1
        if text != OTSU and not QUANTILE.fullmatch(text) and not share:
            message = f"'{self.threshold}' is no threshold of a map."
            raise InputError(message, hint="Give otsu, a share of the maximum such as 0.5, or a quantile such as q95.")
        object.__setattr__(self, "threshold", text)

    @property
    def words(self) -> str:
        """What is outlined, as people read it."""
        share = self.threshold[:1].isdigit()
        level = "Otsu's threshold" if self.threshold == OTSU else f"{self.threshold}{' of its peak' if share else ''}"
        return f"{'outlined' if self.masks else 'boxes'}: parts of each map above {level}"

    def level_of(self, values: Sequence[float] | NDArray[np.float32]) -> float:
        """Return the threshold as a number for a map's values, 0..1."""
        import numpy as np

        numbers = np.asarray(values, np.float64)
        if self.threshold == OTSU:
            return otsu(numbers)
        if quantile := QUANTILE.fullmatch(self.threshold):
            return round(float(np.quantile(numbers, float(quantile[1]) / 100)), 6)
        return float(self.threshold) * float(numbers.max())


@dataclass(frozen=True, kw_only=True, eq=False)
class Segment:
    """A connected part of a map above a threshold."""

    box: Box
    """The smallest box around it: left, top, right and lower edge in pixels of the picture."""
    mask: Bools = field(repr=False)
    """(h, w): its pixels of the model's input."""
    area: float
    """Its area in pixels of the picture."""
    score: float
    """Mean of the map over it, 0..1."""

    def mark(self, cut: Cut) -> AnyRegion:
        """Return what is drawn of it."""
        return self.mask if cut.masks else self.box

    def to_dict(self) -> dict[str, Any]:
        """Return the part as `--json` prints it."""
        return {
            "box": [round(side, 2) for side in self.box],
            "area": round(self.area, 2),
            "score": round(self.score, 4),
        }


def segments(values: NDArray[np.float32], view: View, cut: Cut) -> tuple[Segment, ...]:
    """Return the parts of a map (h, w), the largest first; none of a map that is zero everywhere.

    Pixels belong to one part if they share a side. A box runs along the edges of its outermost pixels, not through
    their centres.
    """
    import cv2
    import numpy as np

    if not values.any():
        return ()
    above = values >= max(cut.level_of(values), LEAST)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(above.astype(np.uint8), connectivity=4)
    (height, width), (x0, y0, x1, y1) = view.size, view.box
    pixel = ((x1 - x0) / width) * ((y1 - y0) / height)
    found = []
    for number in range(1, count):
        left, top, wide, high, pixels = (int(part) for part in stats[number])
        if pixels < SMALLEST * above.sum():
            continue
        mask = labels == number
        box = into_picture((left, top, left + wide, top + high), view)
        found.append(Segment(box=box, mask=mask, area=pixels * pixel, score=float(values[mask].mean())))
    return tuple(sorted(found, key=lambda part: -part.area))


def otsu(values: NDArray[np.float64]) -> float:
    """Return the level that separates values, 0..1, into two groups that differ most (Otsu, 1979)."""
    import numpy as np

    counts, edges = np.histogram(values, BINS, (0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    weighted = np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (weighted / below - (weighted[-1] - weighted) / above) ** 2
    return float(edges[1 + int(np.nanargmax(apart[:-1]))])
