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

    def words(self, whole: tuple[int, int]) -> str:
        """Return how a picture of size `whole` (height, width) became the input, such as `the whole of it, resized`."""
        (height, width), (x0, y0, x1, y1) = whole, self.box
        rows, columns = (y1 - y0) / self.size[0], (x1 - x0) / self.size[1]
        slack = max(1.0, 0.01 * max(whole))
        resized = "unchanged" if max(abs(rows - 1), abs(columns - 1)) < 0.01 else "resized"  # noqa: PLR2004
        if abs(rows - columns) > 0.03 * max(rows, columns):
            resized += ", its proportions not kept"
        if min(x0, y0) < -slack or x1 > width + slack or y1 > height + slack:
            return f"{resized}, with a margin around it"
        if max(x0, y0, width - x1, height - y1) > slack:
            return f"{(y1 - y0) / height:.0%} of its height and {(x1 - x0) / width:.0%} of its width, {resized}"
        return resized if resized == "unchanged" else f"the whole of it, {resized}"

    def on(self, whole: tuple[int, int], small: tuple[int, int]) -> View:
        """Return the same view of a picture of size `whole` (height, width) that was scaled to `small`."""
        down, across = small[0] / whole[0], small[1] / whole[1]
        x0, y0, x1, y1 = self.box
        return View(size=self.size, box=(x0 * across, y0 * down, x1 * across, y1 * down), exact=self.exact)
