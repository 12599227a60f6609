"""Outlines as a report embeds them: boxes by their edges, masks by their run lengths, each of them once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from camctl.files.coco import run_lengths
from camctl.render.marks import marks_of

if TYPE_CHECKING:
    from camctl.values.cam import Cam
    from camctl.values.regions import AnyRegion
    from camctl.values.segments import Cut


class Outlines:
    """What is outlined on the maps of a report; maps of one question share its outline."""

    def __init__(self, cut: Cut | None) -> None:
        self.all: list[dict[str, Any]] = []
        self._cut = cut
        self._numbers: dict[str, int] = {}

    def of(self, cam: Cam) -> list[int]:
        """The numbers of a map's outlines in `all`."""
        return [self._number(_data(mark)) for mark in marks_of(cam, self._cut)]

    def parts(self, cam: Cam) -> str:
        """The parts that are cut out of a map, in words; empty if none are."""
        cut = self._cut
        if cut is None:
            return ""
        boxes = [
            f"{', '.join(f'{side:.0f}' for side in part.box)} (mean {part.score:.2f})" for part in cam.segments(cut)
        ]
        return f"above {cut.threshold}, {cut.level_of(cam.values):.2f}: {'; '.join(boxes) or 'none'}"

    def _number(self, data: dict[str, Any]) -> int:
        key = json.dumps(data)
        if key not in self._numbers:
            self._numbers[key] = len(self.all)
            self.all.append(data)
        return self._numbers[key]


def _data(mark: AnyRegion) -> dict[str, Any]:
    if isinstance(mark, np.ndarray):
        return run_lengths(mark)
    return {"box": [round(float(side), 3) for side in mark]}
