"""One family, saved, loaded and explained without a flag: what came of it, beside what an expert would say."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from PIL import Image
from transformers_families import FAMILIES, Family
from transformers_making import NAMES, saved
from transformers_tasks import ALL

import camctl
from camctl import Classes, Detection, Likeness, Region
from camctl.errors import InputError
from camctl.pipeline.scene import survey


def questions(label: str, other: Path) -> dict[str, object]:
    """How each question is asked in Python, of a class that is there and of another picture."""
    box, versus = (40, 40, 200, 160), next(name for name in NAMES if name != label)
    return {
        "a class": label,
        "a class in contrast": Classes(label, versus=versus),
        "classes above a score": Classes(threshold=0.15),
        "a value": "depth:up",
        "a class in a region": Region(label, box),
        "a value in a region": Region("depth:down", box),
        "a detected box": Detection(0),
        "a likeness": Likeness(str(other)),
        "features": "features",
    }


@dataclass(frozen=True)
class Row:
    """What was seen of one family."""

    name: str
    kind: str
    layer: str
    chosen_by: str
    grid: tuple[int, int]
    extra_tokens: int
    verdict: str
    reason: str
    seconds: float
    expected: tuple[str, tuple[int, int] | None, int]
    """The expert's layer, grid and extra tokens; no grid where the size is the family's own."""

    @property
    def agrees(self) -> bool:
        """Whether the layer, the grid and the extra tokens are the expert's."""
        layer, grid, tokens = self.expected
        return self.layer == layer and self.extra_tokens == tokens and grid in {None, self.grid}


def picture(height: int = 240, width: int = 320):
    """Patches of colour of all sizes, smooth and sharp, as pictures have them: (height, width, 3), uint8, seeded."""
    generator = np.random.default_rng(0)
    values = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 24):
        coarse = generator.normal(0, 1, (cells, cells, 3))
        rows, columns = np.arange(height) * cells // height, np.arange(width) * cells // width
        values += coarse[rows][:, columns]
    return np.uint8(np.clip(128 + 45 * values, 0, 255))


def load(family: Family, folder: Path, **more):
    """Load a saved family as a user would."""
    return camctl.load(f"transformers:{folder}", labels=family.labels, **more)


def explained(name: str) -> Row:
    """Save a tiny model, load it with random weights, and explain the picture."""
    family = ALL[name]
    with TemporaryDirectory() as folder:
        saved(family, Path(folder))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return _row(name, family, load(family, Path(folder), random_weights=True), family.grid)


def answers(name: str) -> dict[str, str]:
    """What a tiny model says to each question: the title of the map, or the line that refuses it."""
    family, found = ALL[name], {}
    with TemporaryDirectory() as folder:
        saved(family, Path(folder))
        loaded = load(family, Path(folder), random_weights=True)
        other = Path(folder) / "b.png"
        Image.fromarray(picture()[:, ::-1]).save(other)
        label = camctl.explain(loaded, picture()).maps[0].target.label
        for words, asked in questions(label if label in NAMES else "dog", other).items():
            try:
                first = camctl.explain(loaded, picture(), targets=asked).maps[0]
                found[words] = f"a map: {first.target.title}"
            except InputError as error:
                found[words] = error.message
    return found


def explained_at_full_size(name: str) -> Row:
    """A family's default configuration with random weights, as `transformers:NAME --random-weights`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return _row(name, FAMILIES[name], camctl.load(f"transformers:{name}", random_weights=True), None)


def _row(name: str, family: Family, loaded, grid: tuple[int, int] | None) -> Row:
    start = perf_counter()
    (cam,) = camctl.explain(loaded, picture()).maps
    seconds = perf_counter() - start
    records = {record.name: record for record in survey(loaded, picture()).records}
    tokens = family.extra_tokens
    if grid is None:  # registers are as many as the configuration says
        tokens += getattr(loaded.module.config, "num_register_tokens", 0) - family.config.get("num_register_tokens", 0)
    return Row(
        name=name,
        kind=type(loaded.module).__name__,
        layer=" + ".join(cam.layers),
        chosen_by=cam.chosen_by,
        grid=cam.grid,
        extra_tokens=records[cam.layers[0]].extra_tokens,
        verdict=cam.verdict,
        reason=cam.reason,
        seconds=seconds,
        expected=(family.layer_in(loaded.module), grid, tokens),
    )
