"""Sticker scenes: a seed defines a picture of known objects at known positions, drawn at any size."""

from __future__ import annotations

import colorsys
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from camctl.demo.glyphs import GLYPHS, band, ellipse, polygon, rotated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Colour = tuple[int, int, int]
    Points = NDArray[np.float64]
    Pixels = NDArray[np.uint8]

CLASSES: tuple[str, ...] = tuple(GLYPHS)

# Sizes are shares of the picture's side, so that a scene looks the same at any size.
EDGE, INK, SHADOW, MARGIN, GAP = 0.030, 0.006, 0.014, 0.01, 0.02
SIZES = {1: (0.30, 0.62), 2: (0.32, 0.46), 3: (0.25, 0.35), 4: (0.21, 0.29)}
TURN = 28.0
HALF, LIGHT_EDGES = 0.5, 0.75
LIGHT: Colour = (250, 248, 242)
DARK: Colour = (38, 34, 44)
PINK: Colour = (238, 112, 134)
SUBPIXEL = 4  # number of fractional bits of coordinates for OpenCV
OVERSAMPLED = 2


@dataclass(frozen=True)
class SceneObject:
    """One sticker: its class, the box (x0, y0, x1, y1) that holds it, and how it is drawn; all in 0..1."""

    label: str
    box: tuple[float, float, float, float]
    centre: tuple[float, float]
    size: float
    turn: float
    stretch: float
    flipped: bool
    body: Colour
    accent: Colour
    edge: Colour


@dataclass(frozen=True)
class Scene:
    """A seed and its objects; the background and its confetti follow from the seed alone."""

    seed: int
    objects: tuple[SceneObject, ...]


def scene(seed: int, objects: int = 1, classes: Sequence[str] | None = None) -> Scene:
    """Place one to four stickers of random or the given `classes`, whose boxes do not touch.

    Raises `ValueError` for another number of objects, or a class that does not exist.
    """
    labels = list(classes) if classes is not None else None
    count = objects if labels is None else len(labels)
    if count not in SIZES:
        message = f"A scene holds 1 to {max(SIZES)} objects, not {count}."
        raise ValueError(message)
    if unknown := set(labels or ()) - set(CLASSES):
        message = f"No such class: {', '.join(sorted(unknown))}. Choose from: {', '.join(CLASSES)}."
        raise ValueError(message)
    random = np.random.default_rng([seed, 0])
    if labels is None:
        labels = [CLASSES[index] for index in random.choice(len(CLASSES), count, replace=False)]
    while True:
        placed = tuple(_place(random, label, SIZES[count]) for label in labels)
        if _fits(placed):
            return Scene(seed, placed)


def render(scene: Scene, size: int) -> Pixels:
    """Draw the scene as RGB (size, size, 3), smoothed by drawing it twice as large."""
    image = _background(np.random.default_rng([scene.seed, 1]), size * OVERSAMPLED)
    for sticker in scene.objects:
        _draw(image, sticker)
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _place(random: np.random.Generator, label: str, sizes: tuple[float, float]) -> SceneObject:
    size = random.uniform(*sizes)
    x, y = random.uniform(size / 2, 1 - size / 2, 2)
    hue = random.random()
    turn, flipped = random.uniform(-TURN, TURN), bool(random.random() < HALF)
    stretch = random.uniform(0.9, 1.1)
    points = np.vstack(
        [_moved(part.points, (x, y), size, turn, stretch, flipped=flipped) for part in GLYPHS[label]],
    )
    (x0, y0), (x1, y1) = points.min(axis=0) - EDGE / 2, points.max(axis=0) + EDGE / 2
    return SceneObject(
        label=label,
        box=(float(x0), float(y0), float(x1), float(y1)),
        centre=(float(x), float(y)),
        size=size,
        turn=turn,
        stretch=stretch,
        flipped=flipped,
        body=_colour(hue, random.uniform(0.5, 0.92), random.uniform(0.65, 1.0)),
        accent=_colour(hue + random.uniform(0.2, 0.8), random.uniform(0.45, 0.92), random.uniform(0.6, 1.0)),
        edge=LIGHT if random.random() < LIGHT_EDGES else DARK,
    )


def _fits(placed: Sequence[SceneObject]) -> bool:
    """Return whether every box is inside the picture and apart from the others."""
    inside = all(min(sticker.box) > MARGIN and max(sticker.box) < 1 - MARGIN for sticker in placed)
    return inside and all(_apart(one, other) for one, other in itertools.combinations(placed, 2))


def _apart(one: SceneObject, other: SceneObject) -> bool:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = one.box, other.box
    return max(ax0 - bx1, bx0 - ax1, ay0 - by1, by0 - ay1) > GAP


def _moved(
    points: Points,
    centre: tuple[float, float],
    size: float,
    turn: float,
    stretch: float,
    *,
    flipped: bool,
) -> Points:
    """Move points from the glyph's own square to the picture."""
    mirrored = points * [-stretch if flipped else stretch, 1 / stretch]
    return rotated(mirrored, turn) * (size / 2) + centre


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return int(255 * red), int(255 * green), int(255 * blue)


def _darker(colour: Colour) -> Colour:
    return int(colour[0] * 0.6), int(colour[1] * 0.6), int(colour[2] * 0.6)


def _fixed(points: Points, side: int) -> list[NDArray[np.int32]]:
    """Return points in OpenCV's fractions of a pixel; its pixel (0, 0) is centred on (0, 0)."""
    return [np.round((points * side - 0.5) * (1 << SUBPIXEL)).astype(np.int32)]


def _fill(image: Pixels, points: Points, colour: Colour | int) -> None:
    cv2.fillPoly(image, _fixed(points, len(image)), _scalar(colour), cv2.LINE_AA, SUBPIXEL)


def _line(image: Pixels, points: Points, colour: Colour | int, width: float) -> None:
    thick = max(1, round(width * len(image)))
    cv2.polylines(image, _fixed(points, len(image)), True, _scalar(colour), thick, cv2.LINE_AA, SUBPIXEL)


def _scalar(colour: Colour | int) -> tuple[float, ...]:
    return (colour,) if isinstance(colour, int) else colour


def _draw(image: Pixels, sticker: SceneObject) -> None:
    """Draw shadow, edge, fills with a thin line of their own colour, and light from above."""
    side = len(image)
    paints = {"body": sticker.body, "accent": sticker.accent, "light": LIGHT, "dark": DARK, "pink": PINK}
    parts = [
        (
            _moved(part.points, sticker.centre, sticker.size, sticker.turn, sticker.stretch, flipped=sticker.flipped),
            part,
        )
        for part in GLYPHS[sticker.label]
    ]
    silhouette = [points for points, part in parts if part.silhouette]
    shade = np.zeros((side, side), np.uint8)
    for points in silhouette:
        _fill(shade, points + SHADOW, 255)
        _line(shade, points + SHADOW, 255, EDGE * 0.8)
    blur = max(3, int(0.035 * side) | 1)
    reach = [round(v * side) for v in sticker.box]
    pad = blur + math.ceil(SHADOW * side)
    window = np.s_[max(0, reach[1] - pad) : reach[3] + pad, max(0, reach[0] - pad) : reach[2] + pad]
    soft = cv2.GaussianBlur(shade[window], (blur, blur), 0)
    image[window] = image[window] * (1 - soft[..., None] * np.float32(0.45 / 255))
    for points in silhouette:
        _line(image, points, sticker.edge, EDGE)
    body = np.zeros((side, side), np.uint8)
    for points, part in parts:
        colour = paints[part.paint]
        _fill(image, points, colour)
        if part.silhouette:
            _line(image, points, _darker(colour), INK)
            _fill(body, points, 255)
    x0, y0, x1, y1 = reach
    falling = np.linspace(26, -30, y1 - y0, dtype=np.float32)[:, None] * (body[y0:y1, x0:x1] / np.float32(255))
    image[y0:y1, x0:x1] = (image[y0:y1, x0:x1] + falling[..., None]).clip(0, 255)


def _background(random: np.random.Generator, side: int) -> Pixels:
    """Blend two related colours, and add a pattern and confetti that belong to no class."""
    hue, shift = random.random(), random.uniform(-0.18, 0.18)
    first, second = (
        np.array(_colour(tone, random.uniform(0.08, 0.6), random.uniform(0.4, 0.97)), np.float32)
        for tone in (hue, hue + shift)
    )
    blend = _spread(random.random((int(random.integers(2, 7)),) * 2), side).clip(0, 1)
    pattern = random.uniform(8, 30) * _pattern(random, side)
    mixed = first + (second - first) * blend[..., None] + pattern[..., None]
    image: Pixels = np.asarray(mixed.clip(0, 255), np.uint8)
    for _ in range(int(random.integers(4, 13))):
        _confetti(image, random)
    return image


def _spread(values: NDArray[np.float64], side: int) -> NDArray[np.float32]:
    """Enlarge a few values smoothly to (side, side)."""
    large = cv2.resize(values.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.float32)


def _pattern(random: np.random.Generator, side: int) -> NDArray[np.float32]:
    """Return stripes, plaid, checker, waves or noise, about -1..1."""
    kind, angle = int(random.integers(0, 6)), random.random() * math.pi
    waves, phase = np.float32(random.uniform(5, 16) * math.tau), np.float32(random.random() * math.tau)
    noise = random.normal(size=(int(random.integers(12, 40)),) * 2) * 0.5
    y, x = (np.mgrid[0:side, 0:side].astype(np.float32) + np.float32(0.5)) / np.float32(side)
    u = x * np.float32(math.cos(angle)) + y * np.float32(math.sin(angle))
    v = y * np.float32(math.cos(angle)) - x * np.float32(math.sin(angle))
    stripes, across = np.sin(u * waves + phase), np.sin(v * waves)
    patterns = {
        0: stripes,
        1: stripes * across,
        2: np.sign(stripes * across) * np.float32(0.6),
        3: np.sin(u * waves + np.float32(1.8) * np.sin(v * waves / 2 + phase)),
    }
    return np.asarray(patterns[kind] if kind in patterns else _spread(noise, side), np.float32)


def _confetti(image: Pixels, random: np.random.Generator) -> None:
    """Draw one small disc, bar, triangle, square or ring."""
    shapes = (
        ellipse(0, 0, 1, random.uniform(0.5, 1)),
        polygon((-1.6, -0.3), (1.6, -0.3), (1.6, 0.3), (-1.6, 0.3)),
        polygon((-1, 0.8), (1, 0.8), (0, -1)),
        polygon((-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)),
        band(0, 0, 1, 1, start=0, stop=270, width=0.22),
    )
    shape = rotated(shapes[int(random.integers(len(shapes)))], random.random() * 360)
    points = shape * random.uniform(0.025, 0.075) + random.random(2)
    if random.random() < HALF:
        _line(image, points, LIGHT, EDGE / 2)
    _fill(image, points, _colour(random.random(), random.uniform(0.45, 0.95), random.uniform(0.55, 1.0)))
