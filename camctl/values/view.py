"""What a model sees of a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class View:
    """The window of the picture that the model's input shows.

    Attributes
    ----------
    size
        Height and width of the model's input in pixels.
    box
        Left, top, right and lower edge of the window in pixels of the picture; it reaches beyond the picture if the
        preprocessing pads.
    exact
        False if the preprocessing does more than resize, crop and pad, so that the box is the best guess.
    """

    size: tuple[int, int]
    box: tuple[float, float, float, float]
    exact: bool = True

    def on(self, whole: tuple[int, int], small: tuple[int, int]) -> View:
        """Return the same view of a picture of size `whole` (height, width) that was scaled to `small`."""
        down, across = small[0] / whole[0], small[1] / whole[1]
        x0, y0, x1, y1 = self.box
        return View(size=self.size, box=(x0 * across, y0 * down, x1 * across, y1 * down), exact=self.exact)
