"""The axes of a comparison, along which maps are laid out side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from camctl.errors import InputError, UnknownNameError

AxisName = Literal["image", "model", "layer", "class", "smoothing", "method"]
AXES: tuple[AxisName, ...] = ("image", "model", "layer", "class", "smoothing", "method")
"""Every axis, outermost first: the order of a comparison's cells."""

NAMES: dict[AxisName, tuple[str, str]] = {
    "image": ("picture", "pictures"),
    "model": ("model", "models"),
    "layer": ("target layer", "target layers"),
    "class": ("class", "classes"),
    "smoothing": ("smoothing", "smoothings"),
    "method": ("method", "methods"),
}
"""Name of an axis for people: singular and plural."""

Place = Mapping[AxisName, int]
"""Coordinates of a cell: on every axis, the index of its value."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What is varied, or (with a single value) what is held constant.

    Examples
    --------
    >>> axis = Axis(name="method", labels=("GradCAM", "LayerCAM"))
    >>> axis.index_of("LayerCAM")
    1
    """

    name: AxisName
    labels: tuple[str, ...]
    """One per value, as people read it; empty if the single value needs no words."""

    def __len__(self) -> int:
        return len(self.labels)

    def index_of(self, value: int | str) -> int:
        """Return the index of a value, given by index or label.

        Raises
        ------
        InputError
            The axis has no such value.
        """
        if isinstance(value, int):
            if not 0 <= value < len(self):
                message = f"There is no {self.name} {value}: there are {len(self)}."
                raise InputError(message, hint=f"Count from 0 to {len(self) - 1}, or give a label.")
            return value
        if value not in self.labels:
            raise UnknownNameError(self.name, value, self.labels)
        return self.labels.index(value)


def places(axes: Sequence[Axis]) -> list[dict[AxisName, int]]:
    """Return every combination of the axes' values, the last axis running fastest."""
    names = [axis.name for axis in axes]
    return [dict(zip(names, indices, strict=True)) for indices in product(*(range(len(axis)) for axis in axes))]
