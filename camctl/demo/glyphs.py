"""The vector shapes of the eight sticker classes, each in a square from -1 to 1 (x right, y down)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Points = NDArray[np.float64]

SIDES = (-1, 1)


@dataclass(frozen=True)
class Part:
    """One filled polygon of a sticker.

    `paint` is a role, not a colour: `body` and `accent` differ from scene to scene, `light`, `dark` and `pink` do not.
    Parts of the silhouette have the sticker's edge and shadow; the others are its details.
    """

    points: Points
    paint: str
    silhouette: bool = True


def polygon(*points: tuple[float, float]) -> Points:
    """Return corners (N, 2)."""
    return np.array(points, dtype=np.float64)


def ellipse(
    x: float,
    y: float,
    rx: float,
    ry: float,
    *,
    start: float = 0,
    stop: float = 360,
    turn: float = 0,
    corners: int = 36,
) -> Points:
    """Return the corners of an ellipse or its arc from `start` to `stop`, turned by `turn`; angles in degrees."""
    around = np.radians(np.linspace(start, stop, corners))
    points = np.stack([rx * np.cos(around), ry * np.sin(around)], axis=1)
    placed: Points = rotated(points, turn) + np.array([x, y])
    return placed


def band(x: float, y: float, rx: float, ry: float, *, start: float, stop: float, width: float) -> Points:
    """Return the corners of a line of some `width` (to either side) along the arc of an ellipse."""
    outer = ellipse(x, y, rx + width, ry + width, start=start, stop=stop, corners=16)
    inner = ellipse(x, y, rx - width, ry - width, start=stop, stop=start, corners=16)
    return np.vstack([outer, inner])


def rotated(points: Points, degrees: float) -> Points:
    """Turn points about the origin, clockwise on screen."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    turned: Points = points @ np.array([[cosine, sine], [-sine, cosine]])
    return turned


def _detail(points: Points, paint: str) -> Part:
    return Part(points, paint, silhouette=False)


def _cat() -> tuple[Part, ...]:
    parts = [Part(polygon((s * 0.82, -0.95), (s * 0.05, -0.55), (s * 0.78, 0.05)), "body") for s in SIDES]
    ears = [polygon((s * 0.71, -0.72), (s * 0.30, -0.50), (s * 0.66, -0.22)) for s in SIDES]
    parts += [_detail(ear, "accent") for ear in ears]
    parts.append(Part(ellipse(0, 0.12, 0.86, 0.72), "body"))
    for s in SIDES:
        parts += [
            _detail(ellipse(s * 0.36, 0.02, 0.18, 0.22), "light"),
            _detail(ellipse(s * 0.36, 0.03, 0.085, 0.20), "dark"),
            _detail(ellipse(s * 0.36 + 0.03, -0.06, 0.035, 0.05), "light"),
        ]
        for y, drop in ((0.30, -0.06), (0.42, 0.06)):
            whisker = polygon((s * 0.28, y), (s * 0.98, y + drop - 0.03), (s * 0.98, y + drop + 0.03))
            parts.append(_detail(whisker, "dark"))
    parts.append(_detail(polygon((-0.12, 0.26), (0.12, 0.26), (0, 0.40)), "pink"))
    mouth = [band(s * 0.12, 0.42, 0.12, 0.12, start=0, stop=180, width=0.028) for s in SIDES]
    parts += [_detail(half, "dark") for half in mouth]
    return tuple(parts)


def _dog() -> tuple[Part, ...]:
    parts = [Part(ellipse(0, -0.02, 0.66, 0.78), "body")]
    parts += [Part(ellipse(s * 0.70, 0.02, 0.25, 0.62, turn=-s * 12), "accent") for s in SIDES]
    parts += [
        _detail(ellipse(0, 0.62, 0.14, 0.30), "pink"),
        _detail(ellipse(0, 0.38, 0.42, 0.34), "light"),
        _detail(ellipse(0, 0.20, 0.19, 0.13), "dark"),
        _detail(ellipse(-0.06, 0.16, 0.055, 0.03), "light"),
        _detail(polygon((-0.025, 0.30), (0.025, 0.30), (0.025, 0.56), (-0.025, 0.56)), "dark"),
        _detail(band(0, 0.40, 0.20, 0.16, start=10, stop=170, width=0.028), "dark"),
    ]
    for s in SIDES:
        parts += [
            _detail(ellipse(s * 0.26, -0.20, 0.11, 0.13), "dark"),
            _detail(ellipse(s * 0.26 + 0.035, -0.245, 0.04, 0.045), "light"),
        ]
    return tuple(parts)


def _fish() -> tuple[Part, ...]:
    parts = [
        Part(polygon((0.40, 0), (0.98, -0.52), (0.86, 0), (0.98, 0.52)), "accent"),
        Part(polygon((-0.30, -0.35), (0.10, -0.80), (0.42, -0.28)), "accent"),
        Part(polygon((-0.05, 0.40), (0.22, 0.72), (0.35, 0.30)), "accent"),
        Part(ellipse(-0.20, 0, 0.78, 0.50), "body"),
    ]
    stripes = [band(x - 0.25, 0, 0.25, 0.40, start=-62, stop=62, width=0.045) for x in (-0.10, 0.18, 0.43)]
    parts += [_detail(stripe, "accent") for stripe in stripes]
    parts += [
        _detail(ellipse(-0.62, -0.12, 0.14, 0.14), "light"),
        _detail(ellipse(-0.65, -0.12, 0.075, 0.075), "dark"),
        _detail(ellipse(-0.63, -0.15, 0.03, 0.03), "light"),
        _detail(band(-0.90, 0.10, 0.16, 0.12, start=10, stop=80, width=0.025), "dark"),
    ]
    return tuple(parts)


def _house() -> tuple[Part, ...]:
    return (
        Part(polygon((0.36, -0.90), (0.60, -0.90), (0.60, -0.30), (0.36, -0.30)), "accent"),
        Part(polygon((-0.68, -0.15), (0.68, -0.15), (0.68, 0.90), (-0.68, 0.90)), "body"),
        Part(polygon((-0.96, -0.08), (0, -0.92), (0.96, -0.08)), "accent"),
        _detail(ellipse(0, -0.38, 0.15, 0.15), "light"),
        _detail(polygon((-0.48, 0.22), (-0.48, 0.90), (-0.10, 0.90), (-0.10, 0.22)), "dark"),
        _detail(ellipse(-0.17, 0.58, 0.035, 0.035), "light"),
        _detail(polygon((0.12, 0.12), (0.52, 0.12), (0.52, 0.52), (0.12, 0.52)), "light"),
        _detail(polygon((0.30, 0.12), (0.34, 0.12), (0.34, 0.52), (0.30, 0.52)), "dark"),
        _detail(polygon((0.12, 0.30), (0.52, 0.30), (0.52, 0.34), (0.12, 0.34)), "dark"),
    )


def _car() -> tuple[Part, ...]:
    roof = ((-0.66, -0.02), (-0.46, -0.48), (-0.36, -0.54), (0.30, -0.54), (0.40, -0.48), (0.68, -0.02))
    upper = ((-0.98, 0.38), (-0.96, 0.06), (-0.82, -0.06), (0.76, -0.06), (0.94, 0.06), (0.98, 0.38))
    lower = ((0.92, 0.44), (-0.92, 0.44))
    parts = [
        Part(polygon(*roof), "body"),
        Part(polygon(*upper, *lower), "body"),
        _detail(polygon((-0.46, -0.06), (-0.31, -0.40), (-0.04, -0.40), (-0.04, -0.06)), "light"),
        _detail(polygon((0.06, -0.06), (0.06, -0.40), (0.28, -0.40), (0.46, -0.06)), "light"),
        _detail(polygon((-0.97, 0.19), (0.97, 0.19), (0.97, 0.28), (-0.97, 0.28)), "accent"),
        _detail(ellipse(0.86, 0.08, 0.07, 0.07), "light"),
    ]
    for x in (-0.52, 0.52):
        parts += [Part(ellipse(x, 0.42, 0.26, 0.26), "dark"), _detail(ellipse(x, 0.42, 0.12, 0.12), "light")]
    return tuple(parts)


def _flower() -> tuple[Part, ...]:
    petals = []
    for turn in range(0, 360, 60):
        x, y = 0.56 * math.cos(math.radians(turn)), 0.56 * math.sin(math.radians(turn))
        petals.append(Part(ellipse(x, y, 0.38, 0.27, turn=turn), "body"))
    return (*petals, _detail(ellipse(0, 0, 0.32, 0.32), "accent"), _detail(ellipse(0, 0, 0.15, 0.15), "dark"))


def _mushroom() -> tuple[Part, ...]:
    stem = polygon((-0.26, 0), (-0.34, 0.80), (-0.20, 0.92), (0.20, 0.92), (0.34, 0.80), (0.26, 0))
    cap = [ellipse(0, 0.08, 0.95, 0.92, start=180, stop=360), ellipse(0, 0.08, 0.95, 0.16, stop=180)]
    spots = ((-0.48, -0.26, 0.17), (0.06, -0.52, 0.20), (0.54, -0.18, 0.16), (-0.02, -0.03, 0.12))
    return (
        Part(stem, "light"),
        Part(np.vstack(cap), "body"),
        *(_detail(ellipse(x, y, radius, radius * 0.9), "accent") for x, y, radius in spots),
    )


def _sailboat() -> tuple[Part, ...]:
    return (
        Part(polygon((-0.04, -0.95), (0.05, -0.95), (0.05, 0.42), (-0.04, 0.42)), "dark"),
        Part(polygon((0.10, -0.86), (0.10, 0.26), (0.80, 0.26)), "body"),
        Part(polygon((-0.10, -0.66), (-0.10, 0.26), (-0.66, 0.26)), "accent"),
        Part(polygon((-0.96, 0.40), (0.96, 0.40), (0.62, 0.90), (-0.60, 0.90)), "body"),
        _detail(polygon((-0.90, 0.50), (0.90, 0.50), (0.83, 0.60), (-0.83, 0.60)), "light"),
    )


_DRAWN: Mapping[str, Callable[[], tuple[Part, ...]]] = {
    "cat": _cat,
    "dog": _dog,
    "fish": _fish,
    "house": _house,
    "car": _car,
    "flower": _flower,
    "mushroom": _mushroom,
    "sailboat": _sailboat,
}
GLYPHS: Mapping[str, tuple[Part, ...]] = {label: draw() for label, draw in _DRAWN.items()}
