"""The next step for a photograph that a demo network explained: those networks know drawn scenes only."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.sources.imagenet import INSTALL, NAMES, installed

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.explanation import Explanation

NETWORKS = tuple(f"imagenet:{name}" for name in NAMES)
"""Networks for photographs, the smallest first."""

_SIDE = 448
"""Number of pixels per side at which smoothness is measured; smaller pictures have too few."""
_BEND, _SMOOTH = 2, 0.5
"""In 3000 drawn scenes at least 0.69 of the pixels lie within 2 levels of the mean of their neighbours to the left and
right; in `skimage.data.astronaut`, a square photograph, 0.20 do. Some smooth square photographs count as drawn."""


def command(image: str = "photo.jpg") -> str:
    """Return the command that explains a photograph, and how to install its network if it is missing."""
    run = f"camctl run {shlex.quote(image)} {NETWORKS[0]}"
    return run if installed(NAMES[0]) else f"{run} (first: {INSTALL})"


def picture() -> Path | None:
    """Return a photograph of a cat, in the public domain, from the package of scikit-image.

    None without that package, or without a network for photographs.
    """
    if not installed(NAMES[0]):
        return None
    spec = find_spec("skimage")
    files = (Path(folder, "data", "chelsea.png") for folder in (spec and spec.submodule_search_locations) or [])
    return next((file for file in files if file.is_file()), None)


def hint(explanations: Iterable[Explanation]) -> str:
    """Return the command for the first photograph that a demo network explained; empty if there is none."""
    for explanation in explanations:
        if explanation.maps and _knows_scenes_only(explanation) and not is_drawn(explanation.maps[0].picture.pixels):
            return f"The demo's networks know drawn scenes only. For photographs: {command(explanation.image)}"
    return ""


def is_drawn(pixels: NDArray[np.uint8]) -> bool:
    """Return whether a picture (H, W, 3) may be a drawn scene: square and smooth. In doubt it may."""
    import numpy as np
    from PIL import Image

    height, width = pixels.shape[:2]
    if height != width:
        return False
    if height < _SIDE:
        return True
    levels = np.asarray(Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BOX), np.int16)
    bend = np.abs(levels[:, 2:] - 2 * levels[:, 1:-1] + levels[:, :-2]).max(2)
    return bool((bend <= _BEND).mean() >= _SMOOTH)


def _knows_scenes_only(explanation: Explanation) -> bool:
    """Return whether the model is a demo network with its original classes."""
    from camctl.demo.glyphs import GLYPHS

    trained = explanation.model.startswith("demo:") and not explanation.random_weights
    return trained and all(target.label in GLYPHS for target in explanation.predictions)
