"""One class activation map and its verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from camctl.values.look import DEFAULT_COLORMAP, DEFAULT_OPACITY, Canvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.picture import Picture
    from camctl.values.segments import Cut, Segment
    from camctl.values.target import Target
    from camctl.values.view import View

VerdictName = Literal[
    "ok",
    "border",
    "diffuse",
    "inverted",
    "flat",
    "zero-gradient",
    "no-graph",
    "negative-only",
    "single-cell",
    "not-finite",
]
BLANK: frozenset[VerdictName] = frozenset(
    {"flat", "zero-gradient", "no-graph", "negative-only", "single-cell", "not-finite"}
)
"""Verdicts on maps that show nothing at all. Maps with the other bad verdicts can be drawn, and mislead."""

Smoothing = Literal["none", "eigen", "aug", "both"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cam:
    """One class activation map and its verdict."""

    model: str
    method: str
    target: Target
    smoothing: Smoothing
    layers: tuple[str, ...]
    chosen_by: str
    """Who chose the layers: `you`, `adapter NAME` or `probe`."""
    grid: tuple[int, int]
    """Height and width of `raw`."""
    values: NDArray[np.float32]
    """(view height, view width), 0..1; all zeros if the map is `blank`."""
    raw: NDArray[np.float32]
    """(grid height, grid width), signed, before ReLU and scaling; a fusion of layers is at the finest grid."""
    raw_by_layer: tuple[NDArray[np.float32], ...]
    """One signed map per layer, each at its layer's own grid."""
    verdict: VerdictName
    reason: str
    """Reason for the verdict, in one line. With `ok` it is usually empty; otherwise it is a warning about the map."""
    hint: str
    """Next command to try; empty for `ok`."""
    milliseconds: float
    """Time spent on this map alone, without the shared passes."""
    picture: Picture = field(repr=False)
    view: View = field(repr=False)

    @property
    def blank(self) -> bool:
        """Whether the map shows nothing: `values` are zeros, and overlays are grey and hatched."""
        return self.verdict in BLANK

    def to_dict(self, cut: Cut | None = None) -> dict[str, Any]:
        """Return the map's description as in `--json` and in the manifest of raw maps; with a cut, its parts too."""
        parts: dict[str, Any] = {}
        if cut is not None:
            parts["threshold"] = {"name": cut.threshold, "level": round(cut.level_of(self.values), 4)}
            parts["segments"] = [segment.to_dict() for segment in self.segments(cut)]
        return {
            "image": self.picture.path,
            "model": self.model,
            "method": self.method,
            "target": self.target.to_dict(),
            "layers": list(self.layers),
            "chosen_by": self.chosen_by,
            "smoothing": self.smoothing,
            "grid": list(self.grid),
            "verdict": self.verdict,
            "reason": self.reason,
            "hint": self.hint,
            "milliseconds": round(self.milliseconds, 3),
            **parts,
        }

    def segments(self, cut: Cut | str = "otsu") -> tuple[Segment, ...]:
        """Cut parts out of the map.

        Parameters
        ----------
        cut
            The threshold: `otsu`, a share of the maximum (`0.5`) or a quantile of the pixels (`q95`); or a `Cut`.

        Returns
        -------
        tuple[Segment, ...]
            Connected parts with their boxes in pixels of the picture, the largest first; none if the map is `blank`.

        Examples
        --------
        >>> import camctl
        >>> from camctl.demo.scenes import render, scene
        >>> explanation = camctl.explain("demo:resnet", render(scene(11, classes=["cat"]), 128))
        >>> len(explanation.maps[0].segments("0.5"))
        1
        """
        from camctl.values.segments import Cut, segments

        return segments(self.values, self.view, Cut(cut) if isinstance(cut, str) else cut)

    def heat(self, *, signed: bool = False) -> NDArray[np.float32] | None:
        """Return what a heatmap shows, at any resolution; None if the map shows nothing.

        Parameters
        ----------
        signed
            Evidence for and against the class, -1..1: `raw` as a share of its largest absolute value. A map whose
            evidence is all against its class then shows something. Otherwise `values`, 0..1.
        """
        if self.blank and not (signed and self.verdict == "negative-only"):
            return None
        if not signed:
            return self.values
        largest = abs(self.raw).max()
        return self.raw / largest if largest else self.raw

    def overlay(  # noqa: PLR0913 - one a way to look
        self,
        *,
        canvas: Canvas = "view",
        colormap: str = DEFAULT_COLORMAP,
        opacity: float = DEFAULT_OPACITY,
        cut: Cut | None = None,
        signed: bool = False,
        caption: bool = False,
        least: int = 0,
        contours: Sequence[float] = (),
        map_only: bool = False,
    ) -> NDArray[np.uint8]:
        """Draw the heatmap on the picture.

        Parameters
        ----------
        canvas
            `view` for what the model was given, `original` for the whole picture.
        colormap
            Name of the colour map.
        opacity
            Opacity of the heatmap, 0 to 1.
        cut
            Draw boxes or outlines of the map's parts as well.
        signed
            Draw evidence against the class as well, in the colours of a diverging map; zero is transparent.
        caption
            Add a strip under the picture with the class and its score.
        least
            Pixels that the longer side of the canvas `view` has at least; a smaller view is enlarged.
        contours
            Values of the map, within 0..1, along which lines are drawn.
        map_only
            Draw the map alone, without the picture under it.

        Returns
        -------
        NDArray[np.uint8]
            (H, W, 3), RGB; grey and hatched if the map shows nothing.

        Examples
        --------
        >>> import camctl
        >>> from camctl.demo.scenes import render, scene
        >>> explanation = camctl.explain("demo:resnet", render(scene(11, classes=["cat"]), 128))
        >>> explanation.maps[0].overlay(canvas="original").shape
        (128, 128, 3)
        """
        from camctl.render.overlay import overlay_of

        return overlay_of(
            self,
            canvas=canvas,
            colormap=colormap,
            opacity=opacity,
            cut=cut,
            signed=signed,
            caption=caption,
            least=least,
            contours=contours,
            map_only=map_only,
        )
