"""All maps of one picture and one model: a frozen value, no torch, ready for a notebook or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from camctl.values.cam import Cam
    from camctl.values.output import Output
    from camctl.values.segments import Cut
    from camctl.values.target import Target


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """All maps of one picture and one model, from one forward pass and one backward pass per class."""

    image: str
    model: str
    predictions: tuple[Target, ...]
    """The five classes with the highest scores, highest first."""
    maps: tuple[Cam, ...]
    """Classes outermost, methods innermost."""
    random_weights: bool
    repairs: tuple[str, ...]
    notes: tuple[str, ...]
    checkpoint: str | None
    checkpoint_sha256: str | None
    forward_milliseconds: float
    backward_milliseconds: float
    versions: Mapping[str, str]
    device: str = ""
    """Device that the model ran on, such as `cpu` or `cuda:0`; empty if unknown."""
    precision: str = "float32"
    """How its float32 arithmetic was done: `float32`, `tf32`, `bf16` or `fp16`."""
    image_sha256: str = ""
    """SHA-256 of the picture's file, or of its pixels if it came in memory."""
    output: Output | None = None
    """What the model's output is, and who says so."""
    expected: Target | None = None
    """The class that is expected; None if none is."""

    @property
    def as_expected(self) -> bool:
        """Whether the expected class is the predicted one, or none is expected."""
        best = next(iter(self.predictions), None)
        return self.expected is None or (best is not None and best.index == self.expected.index)

    def _repr_png_(self) -> bytes | None:
        from camctl.render.notebook import png

        return png(self)

    def _repr_html_(self) -> str | None:
        from camctl.render.notebook import html

        return html(self)

    def facts(self) -> dict[str, Any]:
        """Return what all maps have in common, as in `--json` and in the manifest of raw maps."""
        return {
            "image": self.image,
            "image_sha256": self.image_sha256,
            "model": self.model,
            "checkpoint": {"path": self.checkpoint, "sha256": self.checkpoint_sha256} if self.checkpoint else None,
            "random_weights": self.random_weights,
            "device": self.device,
            "precision": self.precision,
            "output": self.output.to_dict() if self.output else None,
            "repairs": list(self.repairs),
            "notes": list(self.notes),
            "predictions": [target.to_dict() for target in self.predictions],
            **self._expectation(),
            "milliseconds": {
                "forward": round(self.forward_milliseconds, 3),
                "backward": round(self.backward_milliseconds, 3),
            },
            "versions": dict(self.versions),
        }

    def _expectation(self) -> dict[str, Any]:
        if self.expected is None:
            return {}
        return {"expected": self.expected.to_dict(), "as_expected": self.as_expected}

    def to_dict(self, paths: Mapping[int, str] | None = None, cut: Cut | None = None) -> dict[str, Any]:
        """Return everything as `camctl run --json` prints it.

        `paths`: number of a map -> the file it was saved to. `cut`: how parts are cut out of each map.
        """
        paths = paths or {}
        maps = [{**cam.to_dict(cut), "path": paths.get(number)} for number, cam in enumerate(self.maps)]
        return {**self.facts(), "maps": maps}
