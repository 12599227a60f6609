"""The film of a training: an animated picture whose frames are the epochs, with a tile for each map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError
from camctl.files.atomic import write_atomically
from camctl.render.text.fonts import default_file, opened, plain
from camctl.results.epochs import EPOCH, ITERATION

if TYPE_CHECKING:
    from PIL import Image

    from camctl.results import Results

FILM = (".webp", ".gif", ".png")
"""Endings of a film."""

MOST_TILES = 24
"""Maximum number of maps of a film: those of the first pictures."""

TILE, GAP, HEAD, CAPTION = 192, 8, 30, 38
"""Longest side of a map, and heights of what stands around it, in pixels."""

SECONDS, LONGEST, LAST = 6.0, 0.8, 2.0
"""Length of a film, but for its last frame, and of a frame at most, and of the last one."""

GROUND, INK, PALE, TRACK = (20, 22, 26), (236, 238, 242), (150, 156, 166), (58, 62, 70)

Key = tuple[str, str, int]
"""A map: the picture's id, the method, and the number of the question."""


@dataclass(frozen=True)
class Tile:
    """A map of one epoch: drawn, with what the network said."""

    picture: Image.Image
    words: str
    verdict: str


def save_film(training: Mapping[int, Results], path: str | Path, *, unit: str = EPOCH) -> Path:
    """Write the film of a training.

    Parameters
    ----------
    training
        From `open_epochs`.
    path
        The file: `.webp`, `.gif` or `.png`.
    unit
        What the numbers count: `epoch` or `iteration`.

    Raises
    ------
    InputError
        The training has no maps.
    CamctlError
        The file cannot be written.
    """
    tiles = {number: _tiles(results) for number, results in training.items()}
    keys = list(dict.fromkeys(key for own in tiles.values() for key in own))[:MOST_TILES]
    if not keys:
        raise InputError("The training has no maps to make a film of.", hint="See why: camctl review OUT/epoch-0001")
    numbers = list(tiles)
    frames = [
        _frame(tiles[number], keys, f"{unit} {number}", index / len(numbers)) for index, number in enumerate(numbers, 1)
    ]
    file, kind = BytesIO(), {".gif": "GIF", ".png": "PNG"}.get(Path(path).suffix.lower(), "WEBP")
    each = round(1000 * min(SECONDS / len(frames), LONGEST))
    options: dict[str, Any] = {"quality": 88, "method": 4} if kind == "WEBP" else {}
    durations = [*[each] * (len(frames) - 1), round(1000 * LAST)]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=durations, loop=0, **options)
    return write_atomically(path, file.getvalue())


def _tiles(results: Results) -> dict[Key, Tile]:
    """Return the maps of an epoch."""
    tiles: dict[Key, Tile] = {}
    counts: dict[tuple[str, str], int] = {}
    for row in results.table().to_pylist():
        name, method = row["id"], row["method"]
        if not method or len(tiles) == MOST_TILES:
            continue
        number = counts[name, method] = counts.get((name, method), -1) + 1
        try:
            drawn = [cam.overlay() for cam in results.cams([row["row"]])]
        except CamctlError:  # its picture is no longer there
            continue
        if drawn:
            score = "" if row["target_score"] is None else f" {row['target_score']:.2f}"
            words = f"{row['target'] or ''}{score}"
            verdict = "" if row["verdict"] == "ok" else str(row["verdict"])
            tiles[name, method, number] = Tile(_small(drawn[0]), words, verdict)
    return tiles


def _small(pixels: Any) -> Image.Image:
    from PIL import Image

    picture = Image.fromarray(pixels)
    share = TILE / max(picture.size)
    size = (max(round(picture.width * share), 1), max(round(picture.height * share), 1))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _frame(tiles: Mapping[Key, Tile], keys: list[Key], title: str, share: float) -> Image.Image:
    """Draw the maps of one epoch; where there is none, its place is empty."""
    from PIL import Image, ImageDraw

    rows = ceil(len(keys) / ceil(sqrt(1.6 * len(keys))))
    columns = ceil(len(keys) / rows)
    width, height = columns * (TILE + GAP) + GAP, HEAD + rows * (TILE + CAPTION + GAP) + GAP
    frame = Image.new("RGB", (width, height), GROUND)
    pen = ImageDraw.Draw(frame)
    pen.text((GAP, 6), title, INK, opened(default_file(bold=True), 14))
    pen.rectangle((0, HEAD - 3, width, HEAD - 2), TRACK)
    pen.rectangle((0, HEAD - 3, round(width * share), HEAD - 2), INK)
    methods = {method for _, method, _ in keys}
    for place, key in enumerate(keys):
        left, top = GAP + place % columns * (TILE + GAP), HEAD + GAP + place // columns * (TILE + CAPTION + GAP)
        if tile := tiles.get(key):
            inset = (TILE - tile.picture.width) // 2, (TILE - tile.picture.height) // 2
            frame.paste(tile.picture, (left + inset[0], top + inset[1]))
            said = f"{tile.words} · {tile.verdict}" if tile.verdict else tile.words
            _write(pen, (left, top + TILE + 4), said, INK)
        below = f"{_short(key[0])} · {key[1]}" if len(methods) > 1 else _short(key[0])
        _write(pen, (left, top + TILE + 20), below, PALE)
    return frame


def _short(name: str) -> str:
    """Return the last two parts of a path."""
    return "/".join(Path(name).parts[-2:])


def _write(pen: Any, place: tuple[int, int], text: str, ink: tuple[int, int, int]) -> None:
    """Write a line, cut to the width of a tile."""
    font = opened(default_file(), 12)
    text = plain(text)
    while text and font.getlength(text) > TILE:
        text = text[:-2].rstrip("… ") + "…" if len(text) > 2 else ""  # noqa: PLR2004
    pen.text(place, text, ink, font)


def unit_of(folder: str) -> str:
    """Return what a training's folders count, by the name of one."""
    return ITERATION if Path(folder).name.startswith(ITERATION) else EPOCH
