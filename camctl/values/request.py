"""What a user asks for: classes, what is known of the model's family, and how maps are evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.values.questions import Asked, Detection, Likeness, Region

if TYPE_CHECKING:
    from camctl.values.picture import AnyPicture
    from camctl.values.regions import Box

    ClassName = str | int | None
    """A class by name or index; None stands for every class."""

Name = str | int
"""A class as a user names it: by name or index."""

ONE = (str, int, Likeness, Region, Detection)
"""Types of a single class or question."""

NEAREST = re.compile(r"auto(?::(\d{1,6}))?", re.IGNORECASE)
USUAL_RIVALS = 3
"""Number of classes that Finer-CAM contrasts with by default."""

LONGEST_INDEX = 18
"""Largest number of digits of a class index; Python itself refuses to parse thousands."""


def is_index(text: str) -> bool:
    """Return whether a text names a class by its index: a whole number, even a negative one."""
    return text.removeprefix("-").isdecimal() and len(text) <= LONGEST_INDEX


def nearest(text: int | str) -> int | None:
    """Return the number of classes that `auto` and `auto:N` stand for; None for a class. Raises `InputError`."""
    match = NEAREST.fullmatch(str(text).strip())
    if match is None:
        return None
    count = int(match[1]) if match[1] else USUAL_RIVALS
    if not count:
        raise InputError(f"'{text}' asks for no class.", hint=Hint("Give a number of classes", versus="auto:3"))
    return count


@dataclass(frozen=True)
class Classes:
    """The classes to explain, and the classes to contrast them with.

    Parameters
    ----------
    names
        One or several classes by name or index, or other questions (`Likeness`, `Region`, `Detection`); empty for the
        `topk` classes with the highest scores.
    topk
        Number of classes to explain if none is named.
    versus
        Classes to contrast each target with (Finer-CAM), by name or index; `auto:N` stands for the N whose logits are
        nearest to the target's. Maps show the evidence for the target that does not also support them.
    strength
        Weight of the contrast; 0 gives the map of the target alone.
    threshold
        Explain every class whose score is above it, in place of `topk`: for models whose classes do not exclude each
        other. `explain` alone takes one.

    Examples
    --------
    >>> Classes.of(["cat", 3])
    Classes(names=('cat', 3), topk=1, versus=(), strength=1.0, threshold=None)
    >>> Classes("cat", versus="dog")
    Classes(names=('cat',), topk=1, versus=('dog',), strength=1.0, threshold=None)
    """

    names: Sequence[Asked] = ()
    _: KW_ONLY
    topk: int = 1
    versus: Sequence[Name] = ()
    strength: float = 1.0
    threshold: float | None = None

    def __post_init__(self) -> None:
        """Accept one name or any sequence of names."""
        for field_name in ("names", "versus"):
            value = getattr(self, field_name)
            several = (value,) if isinstance(value, ONE) else tuple(dict.fromkeys(value))
            object.__setattr__(self, field_name, several)
        if self.names and self.threshold is not None:
            message = "Both names and a threshold say which classes to explain."
            raise InputError(message, hint="Give one of them.")

    @classmethod
    def of(cls, targets: AnyClasses) -> Classes:
        """Return the classes that `targets` stands for: None, a class or question, a sequence of them, or `Classes`."""
        if isinstance(targets, Classes):
            return targets
        return cls(()) if targets is None else cls((targets,) if isinstance(targets, ONE) else targets)

    def to_dict(self) -> dict[str, Any]:
        """Return the classes as JSON holds them."""
        names = [name if isinstance(name, str | int) else name.to_dict() for name in self.names]
        return {
            "names": names,
            "topk": self.topk,
            "versus": list(self.versus),
            "strength": self.strength,
            "threshold": self.threshold,
        }


AnyClasses = Classes | Sequence[Asked] | Asked | None
"""What `targets` accepts."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """What the user says about the model's family; everything left out is detected.

    Parameters
    ----------
    adapter
        Name of the adapter that knows the model.
    vit_like
        Treat 3-D layer outputs as tokens (N, L, C).
    num_extra_tokens
        Number of class and other tokens before the patch tokens.
    call
        Run that is explained of a layer that runs several times in a pass, counted from 1.

    Examples
    --------
    >>> Family(num_extra_tokens=1)
    Family(adapter=None, vit_like=False, num_extra_tokens=1, call=None)
    """

    adapter: str | None = None
    vit_like: bool = False
    num_extra_tokens: int | None = None
    call: int | None = None


DETECTED = Family()
"""The user says nothing about the family: everything is detected."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """How the maps of a comparison are evaluated.

    Parameters
    ----------
    metrics
        Names as in `camctl metrics`, or `all`.
    options
        Options of the metrics that have options of these names.
    boxes
        Where the object is: left, top, right and lower edge in pixels of the picture; a mapping from classes (by name
        or index) to boxes for several objects.
    masks
        The same as pictures of the picture's size that are black outside the object.
    verify
        Ask the model whether each map points at its class; None verifies if there are metrics.
    sanity
        Compare every map with maps of a copy of the model whose weights are redrawn (Adebayo et al. 2018).
    baselines
        Draw the methods `random`, `centre` and `edges` as well, which the other methods have to beat.

    Examples
    --------
    >>> Evaluation(metrics=("energy",), boxes=(0, 0, 32, 48)).boxes
    (0, 0, 32, 48)
    """

    metrics: Sequence[str] | str = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    boxes: Mapping[ClassName, Box] | Box | None = None
    masks: Mapping[ClassName, AnyPicture] | AnyPicture | None = None
    verify: bool | None = None
    sanity: bool = False
    baselines: bool = False


NO_EVALUATION = Evaluation()
