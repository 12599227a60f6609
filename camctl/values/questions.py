"""What a user may ask of a model's output besides a class: likeness, a class in a region, a detected object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.values.regions import PREDICTED, region_words

if TYPE_CHECKING:
    from camctl.values.picture import AnyPicture
    from camctl.values.regions import Box, Where

PAIR = "likeness of the pair"
"""What maps of both pictures of a pair are asked: each about the other picture."""

FEATURES = "features"
"""Name of what is asked of an embedding by itself: which evidence makes it what it is."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """The likeness to another picture: the cosine of both embeddings.

    Parameters
    ----------
    image
        The other picture: a path, a PIL image, or pixels (H, W, 3), uint8 RGB.

    Examples
    --------
    >>> str(Likeness("b.jpg"))
    'likeness to b.jpg'
    """

    image: AnyPicture

    @property
    def name(self) -> str:
        """Name of the other picture."""
        return _name(self.image)

    def __str__(self) -> str:
        """Return the question as people read it."""
        return f"likeness to {self.name}"

    def to_dict(self) -> dict[str, Any]:
        """Return the question as JSON holds it."""
        return {"like": _path(self.image)}


@dataclass(frozen=True, eq=False)
class Region:
    """A class in a region of a dense output, such as a segmentation: its mean logit there.

    Parameters
    ----------
    name
        The class, by name or index; None takes the class of most pixels in the region.
    where
        `predicted` for the pixels that the model gives to the class; a box (left, top, right and lower edge in pixels
        of the picture); or a mask: a picture of the picture's size that is black outside the region.

    Examples
    --------
    >>> str(Region("road", (0, 40, 64, 64)))
    'road in 0,40,64,64'
    """

    name: str | int | None
    where: Where = PREDICTED

    def __str__(self) -> str:
        """Return the question as people read it."""
        name = "class of most pixels" if self.name is None else self.name
        return f"{name} in {region_words(self.where)}"

    def to_dict(self) -> dict[str, Any]:
        """Return the question as JSON holds it."""
        return {"class": self.name, "where": region_words(self.where)}


@dataclass(frozen=True)
class Detection:
    """A detected object: the score of the box that fits best, which is followed by its overlap.

    Parameters
    ----------
    box
        Left, top, right and lower edge in pixels of the picture; or the number of a detection, 0 for the best one.

    Examples
    --------
    >>> str(Detection((10, 20, 90, 80))), str(Detection(0))
    ('object at 10,20,90,80', 'detection 0')
    """

    box: Box | int

    def __post_init__(self) -> None:
        """Raise `InputError` for a box that is none."""
        if isinstance(self.box, int):
            return
        sides = tuple(map(float, self.box))
        if len(sides) != 4 or sides[2] <= sides[0] or sides[3] <= sides[1]:  # noqa: PLR2004
            message = f"The box {','.join(f'{side:g}' for side in sides)} has no area."
            raise InputError(message, hint="Give its left, top, right and lower edge in pixels of the picture.")
        object.__setattr__(self, "box", sides)

    def __str__(self) -> str:
        """Return the question as people read it."""
        return f"detection {self.box}" if isinstance(self.box, int) else f"object at {region_words(self.box)}"

    def to_dict(self) -> dict[str, Any]:
        """Return the question as JSON holds it."""
        return {"box": self.box if isinstance(self.box, int) else list(self.box)}


Asked = str | int | Likeness | Region | Detection
"""What one map is asked for: a class by name or index, or another question."""


def _path(image: AnyPicture) -> str:
    path = getattr(image, "path", None) or getattr(image, "filename", None) or image
    return str(path) if isinstance(path, str) or hasattr(path, "__fspath__") else "<image>"


def _name(image: AnyPicture) -> str:
    return _path(image).replace("\\", "/").rpartition("/")[2]
