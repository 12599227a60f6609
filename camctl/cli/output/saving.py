"""Files that `run` and `compare` write: checked before any work is done, written after it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.values.comparison import Comparison
    from camctl.values.explanation import Explanation

PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".pdf", ".svg"}
"""Endings of what looks like a file to people, whether or not it can be written."""

MANIFEST = ".json"

SLASHES = ("/", "\\")


@dataclass(frozen=True)
class MapFiles:
    """Files of `camctl run`: a picture of one map, or a folder of several, and the raw maps."""

    path: Path | None
    folder: bool
    raw: Path | None

    def save(self, explanation: Explanation, look: dict[str, Any]) -> dict[int, str]:
        """Write all files; returns the path of each map's picture, by the map's index. Raises `CamctlError`."""
        from camctl.files.names import file_names
        from camctl.files.pictures import save_picture
        from camctl.files.raw_maps import save_raw

        paths: dict[int, str] = {}
        if self.path is not None:
            for index, (cam, name) in enumerate(zip(explanation.maps, file_names(explanation), strict=True)):
                paths[index] = str(save_picture(cam.overlay(**look), self.path / name if self.folder else self.path))
        if self.raw is not None:
            save_raw(explanation, self.raw)
        return paths


def map_files(text: str | None, raw: str | None, count: int, *, picture: str) -> MapFiles:
    """Return what `--save-path` and `--save-raw` mean for `count` maps. Raises `InputError`.

    A path that is a folder, ends in a slash or has no suffix is a folder; several maps need one. The picture is never
    overwritten.
    """
    from camctl.files.atomic import check_folder, check_writable

    if text is None:
        return MapFiles(None, folder=False, raw=raw_file(raw))
    path = _path(text, example="cam.png, or a folder")
    if _same_file(path, Path(picture)):
        hint = f"Choose another name: --save-path {path.with_name(f'{path.stem}_cam.png')}"
        raise InputError(f"'{text}' is the picture itself, which would be lost.", hint=hint)
    is_folder = os.path.isdir(path)  # noqa: PTH112 - false for an impossible name, which is reported below
    is_file = bool(path.suffix) and not text.endswith(SLASHES) and not is_folder
    if is_file and count > 1 and path.suffix.lower() in PICTURE_SUFFIXES:
        message = f"{count} maps do not fit into the one file '{text}'."
        raise InputError(message, hint=f"Give a folder: --save-path {path.parent / path.stem}/")
    folder = not is_file or count > 1
    (check_folder if folder else check_writable)(path)
    return MapFiles(path, folder, raw_file(raw))


def figure_files(texts: Sequence[str], *, pictures: Sequence[str], sanity: bool) -> tuple[Path, ...]:
    """Return what `--save-path` means for a comparison. Raises `InputError`.

    The pictures are never overwritten. With `sanity`, a second figure is written next to each figure.
    """
    from camctl.files.atomic import check_writable
    from camctl.render.save import ENDINGS, FIGURES, sanity_path

    paths = []
    for text in texts:
        path = _path(text, example="grid.png")
        if text.endswith(SLASHES):
            raise InputError(f"'{text}' is a folder.", hint=f"Name a file in it: --save-path {path / 'grid.png'}")
        written = [path, sanity_path(path)] if sanity and path.suffix.lower() in FIGURES else [path]
        for file in written:
            if any(_same_file(file, Path(picture)) for picture in pictures):
                hint = f"Choose another name: --save-path {path.with_name(f'{path.stem}_grid.png')}"
                name = text if file is path else file
                raise InputError(f"'{name}' is a picture of the comparison, which would be lost.", hint=hint)
        paths.append(check_writable(path, (*ENDINGS, MANIFEST)))
    return tuple(dict.fromkeys(paths))


def save_figures(comparison: Comparison, files: Sequence[Path], raw: Path | None, look: dict[str, Any]) -> list[str]:
    """Write all files; returns their paths, the manifests last, as they name the others. Raises `CamctlError`."""
    from camctl.files.atomic import write_atomically
    from camctl.files.manifest import json_text
    from camctl.files.raw_maps import save_raw
    from camctl.render.save import save_comparison

    manifests = [file for file in files if file.suffix.lower() == MANIFEST]
    drawn = [file for file in files if file not in manifests]
    paths = [str(path) for file in drawn for path in save_comparison(comparison, file, **look)]
    if raw is not None:
        paths.append(str(save_raw(comparison, raw)))
    for file in manifests:
        paths.append(str(write_atomically(file, json_text(comparison.to_dict(paths)).encode())))
    return paths


def raw_file(text: str | None) -> Path | None:
    """Return what `--save-raw` means. Raises `InputError`."""
    from camctl.files.atomic import check_writable
    from camctl.files.raw_maps import RAW

    return None if text is None else check_writable(expanded(text), RAW)


def expanded(text: str) -> Path:
    """Return a path as the user means it: shells leave the `~` of `--save-path=~/maps` to the program."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody of that name has a home here
        return Path(text)


def _same_file(path: Path, other: Path) -> bool:
    """Whether two paths lead to one existing file."""
    try:
        return path.is_file() and path.samefile(other)
    except (OSError, ValueError):  # reported where the file is opened
        return False


def _path(text: str, *, example: str) -> Path:
    # `-` comes from an empty variable or a habit of pipes: nobody wants a folder of that name.
    if text.strip() in {"", "-"}:
        raise InputError(f"'{text}' is not a path to save to.", hint=f"Give a file: --save-path {example}")
    return expanded(text)
