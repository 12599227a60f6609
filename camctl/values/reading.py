"""How the numbers of a picture are read: which bands, and what is black and white."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from camctl.errors import Hint, InputError


@dataclass(frozen=True)
class Reading:
    """How a picture's numbers are read; everything left out is found.

    Parameters
    ----------
    bands
        Bands, counted from 1, that are red, green and blue in what is shown and in what a model of colours sees; a
        model that takes as many bands sees these.
    range
        The numbers that are black and white in what is shown and in what the model sees. Numbers outside are clipped,
        and a model of other than three bands gets 0..1.

    Examples
    --------
    >>> Reading(bands=(4, 3, 2), range=(0, 4095))
    Reading(bands=(4, 3, 2), range=(0, 4095))
    """

    bands: tuple[int, ...] = ()
    range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Raise `InputError` for bands that are not counted from 1, and for a range that is none."""
        if any(band < 1 for band in self.bands):
            raise InputError("Bands are counted from 1.", hint=Hint("Name them in this order", bands="4,3,2"))
        if self.range is not None and not -inf < self.range[0] < self.range[1] < inf:
            text = f"The range {self.range[0]:g} to {self.range[1]:g} holds no numbers."
            raise InputError(text, hint=Hint("Give the numbers that are black and white", range="0:4095"))


AS_FOUND = Reading()
"""The user says nothing about the picture's numbers."""
