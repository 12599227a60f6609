"""One model with random weights, explained without a flag: what came of it, beside what an expert would say."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from torchvision_experts import answer_for

import camctl
from camctl.pipeline.scene import survey


@dataclass(frozen=True)
class Row:
    """What was seen of one model."""

    model: str
    layer: str
    chosen_by: str
    grid: tuple[int, int]
    extra_tokens: int
    verdict: str
    reason: str
    seconds: float
    expected: tuple[str, tuple[int, int], int]
    """The expert's layer, grid and extra tokens."""

    @property
    def agrees(self) -> bool:
        """Whether the layer, the grid and the extra tokens are the expert's."""
        return (self.layer, self.grid, self.extra_tokens) == self.expected


@dataclass(frozen=True)
class Asked:
    """What was seen of one segmenter or detector."""

    model: str
    question: str
    """What the best map was asked for."""
    layer: str
    chosen_by: str
    grid: tuple[int, int]
    verdict: str
    seconds: float


def picture(height: int = 240, width: int = 320):
    """Patches of colour of all sizes, smooth and sharp, as pictures have them: (height, width, 3), uint8, seeded."""
    generator = np.random.default_rng(0)
    values = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 24):
        coarse = generator.normal(0, 1, (cells, cells, 3))
        rows, columns = np.arange(height) * cells // height, np.arange(width) * cells // width
        values += coarse[rows][:, columns]
    return np.uint8(np.clip(128 + 45 * values, 0, 255))


def explained(name: str) -> Row:
    """Load it, explain the picture, and ask the probe how many extra tokens the layer has."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = camctl.load(f"torchvision:{name}", random_weights=True)
        start = perf_counter()
        (cam,) = camctl.explain(loaded, picture()).maps
        seconds = perf_counter() - start
        records = {record.name: record for record in survey(loaded, picture()).records}
    answer = answer_for(name)
    return Row(
        model=name,
        layer=" + ".join(cam.layers),
        chosen_by=cam.chosen_by,
        grid=cam.grid,
        extra_tokens=records[cam.layers[0]].extra_tokens,
        verdict=cam.verdict,
        reason=cam.reason,
        seconds=seconds,
        expected=(answer.layer_in(loaded.module), answer.grid_for(loaded.input_size), answer.extra_tokens),
    )


def asked(name: str) -> Asked:
    """Load a segmenter or detector, and explain the class of most places or the best box; detectors at 240 pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = camctl.load(f"torchvision:{name}", random_weights=True)
        if hasattr(loaded.module, "roi_heads") or name.startswith(("fcos", "retinanet")):
            loaded.module.transform.min_size, loaded.module.transform.max_size = (240,), 320
        start = perf_counter()
        (cam,) = camctl.explain(loaded, picture()).maps
        seconds = perf_counter() - start
    layer = " + ".join(cam.layers)
    return Asked(name, cam.target.title, layer, cam.chosen_by, cam.grid, cam.verdict, seconds)
