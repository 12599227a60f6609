"""Options for what is cut out of a map."""

from dataclasses import dataclass

from camctl.cli.parsing.groups import option, switch
from camctl.values.segments import OTSU, Cut


@dataclass(frozen=True, kw_only=True)
class CutOptions:
    """Parts of a map above a threshold.

    boxes: Draw boxes around the map's parts above a threshold, and save them as COCO JSON: otsu, a share of the maximum
        (0.5) or a quantile of the pixels (q95).
    masks: Draw the outlines of the parts instead, and save the parts themselves too: in the JSON, and of run as PNG.
    """

    boxes: str | None = option("otsu|0.5|q95")
    masks: bool = switch()

    def cut(self) -> Cut | None:
        """Return how parts are cut out; None if none are. Raises `InputError`."""
        return Cut(self.boxes or OTSU, masks=self.masks) if self.boxes is not None or self.masks else None
