"""Options for what is asked besides a class: likeness, a region, a detected box."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from camctl.cli.parsing.groups import option
from camctl.cli.parsing.texts import box_of
from camctl.values.questions import Asked, Detection, Likeness, Region
from camctl.values.regions import PREDICTED, is_predicted

if TYPE_CHECKING:
    from camctl.values.regions import Where


@dataclass(frozen=True, kw_only=True)
class QuestionOptions:
    """What is asked of outputs that are no scores of classes.

    like: Of an embedding: the likeness to these pictures, drawn on both pictures of each pair. Without it, what makes
        the embedding what it is.
    where: Of a dense output (segmentation): the region in which the class is explained: predicted, a box
        X0,Y0,X1,Y1 in pixels of the picture, or a mask that is black outside the region. Without a class, the one of
        most pixels there.
    target_box: Of a detector: the object whose box fits X0,Y0,X1,Y1 best, or the number of a detection, 0 for the best.
    """

    like: list[str] | None = option("FILE...")
    where: str | None = option("REGION", shown="predicted")
    target_box: list[str] | None = option("X0,Y0,X1,Y1|N...")

    def asked(self, names: Sequence[str | int]) -> tuple[Asked, ...]:
        """Return all that is asked, the classes of these names among it. Raises `InputError`."""
        where = None if self.where is None else _region(self.where)
        classes = list(names) if where is None else [Region(name, where) for name in names or (None,)]
        return (*classes, *map(Likeness, self.like or ()), *map(_detection, self.target_box or ()))

    def files(self) -> list[str]:
        """Return the files that are read."""
        where = self.where is not None and isinstance(_region(self.where), str) and self.where != PREDICTED
        return [*(self.like or ()), *([str(self.where)] if where else [])]


def _region(text: str) -> "Where":
    """Return a region from the user's words: a box has commas between numbers, all else but `predicted` is a file."""
    if is_predicted(text):
        return PREDICTED
    numbers = all(part.strip().replace(".", "", 1).removeprefix("-").isdecimal() for part in text.split(","))
    return box_of("--where", text, text) if numbers else text


def _detection(text: str) -> Detection:
    return Detection(int(text) if text.strip().isdecimal() else box_of("--target-box", text, text))
