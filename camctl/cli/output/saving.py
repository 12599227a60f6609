"""Files that `run` and `compare` write: checked before any work is done, written after it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from camctl.cli import process
from camctl.cli.output.latex import TEX, save_latex
from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.cli.output.inputs import Inputs
    from camctl.values.cam import Cam
    from camctl.values.comparison import Comparison
    from camctl.values.explanation import Explanation
    from camctl.values.segments import Cut

PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".pdf", ".svg"}
"""Endings of what looks like a file to people, whether or not it can be written."""

MANIFEST = ".json"

BOXES = "boxes.json"
"""File of what is cut out of several maps."""

MASK = ".mask.png"
"""Ending of a map's mask."""

SAVE_PATH = "--save-path"

SLASHES = ("/", "\\")


def command_line() -> str:
    """Return the command as it was typed, for a shell; without passwords in addresses, and with `~` for home."""
    home = f"{Path.home()}{os.sep}"
    words = [re.sub(r"//[^/@\s]+@", "//", word) for word in process.TYPED.get()]
    spelt = [f"~/{quote(word.removeprefix(home))}" if word.startswith(home) else quote(word) for word in words]
    return " ".join(["camctl", *spelt]) if words else ""


@dataclass(frozen=True)
class MapFiles:
    """Files of `camctl run`: a picture of one map, or a folder of several, and the raw maps."""

    path: Path | None
    folder: bool
    raw: Path | None
    inputs: Inputs

    def save(
        self, explanation: Explanation, look: dict[str, Any], *, no_metadata: bool = False
    ) -> tuple[dict[int, str], list[str]]:
        """Write all files; returns the path of each map's picture, by the map's index, and other paths.

        Raises `CamctlError`.
        """
        from camctl.files.mark import check_replaceable, origin
        from camctl.files.names import file_names
        from camctl.files.pictures import save_picture
        from camctl.files.raw_maps import save_raw

        facts = {} if no_metadata else origin([explanation], command_line())
        paths: dict[int, str] = {}
        others: list[str] = []
        if self.path is not None:
            if not self.folder and len(explanation.maps) > 1:
                raise _too_many(self.path, len(explanation.maps))
            files = [self.path]
            if self.folder:
                files = [self.path / name for name in file_names(explanation)]
                for file in files:
                    self.inputs.check(file, SAVE_PATH)
                check_replaceable(files)
            for index, (cam, file) in enumerate(zip(explanation.maps, files, strict=True)):
                paths[index] = str(save_picture(cam.overlay(**look), file, facts=facts))
            others = self._save_parts(explanation, files, look.get("cut"))
        if self.raw is not None:
            save_raw(explanation, self.raw)
        return paths, others

    def _save_parts(self, explanation: Explanation, files: Sequence[Path], cut: Cut | None) -> list[str]:
        """Save what is cut out of the maps: boxes as COCO JSON, and parts as masks of the picture's size."""
        if cut is None:
            return []
        boxes = files[0].parent / BOXES if self.folder else _boxes_path(files[0])
        self.inputs.check(boxes, SAVE_PATH)
        saved = [_save_boxes(explanation, cut, boxes)]
        if cut.masks:
            for cam, file in zip(explanation.maps, files, strict=True):
                self.inputs.check(file.with_suffix(MASK), SAVE_PATH)
                saved.append(str(save_mask(cam, cut, file)))
        return saved


def _boxes_path(path: Path) -> Path:
    return path.with_suffix(f".{BOXES}")


def _save_boxes(result: Explanation | Comparison, cut: Cut, path: Path) -> str:
    """Save what is cut out of maps as COCO JSON; returns the path. Raises `InputError` if another file is there."""
    from camctl.files.atomic import write_atomically
    from camctl.files.coco import coco
    from camctl.files.manifest import json_text
    from camctl.files.mark import check_replaceable

    check_replaceable([path])
    return str(write_atomically(path, json_text(coco(result, cut)).encode()))


def save_mask(cam: Cam, cut: Cut, overlay: Path) -> Path:
    """Save the parts that are cut out of a map as a mask of the picture's size, beside its overlay."""
    import numpy as np

    from camctl.files.coco import picture_mask
    from camctl.files.pictures import save_picture

    inside = picture_mask(cam, cam.segments(cut))
    return save_picture(np.repeat(inside[..., None], 3, 2).astype(np.uint8) * 255, overlay.with_suffix(MASK))


def map_files(text: str | None, raw: str | None, count: int | None, *, inputs: Inputs) -> MapFiles:
    """Return what `--save-path` and `--save-raw` mean for `count` maps. Raises `InputError`.

    Without a count it is known after the work: one map fits into a file. A path that is a folder, ends in a slash or
    has no suffix is a folder; several maps need one. No input is ever overwritten.
    """
    from camctl.files.atomic import check_folder, check_writable

    if text is None:
        return MapFiles(None, folder=False, raw=raw_file(raw, inputs), inputs=inputs)
    path = _path(text, example="cam.png, or a folder")
    is_folder = os.path.isdir(path)  # noqa: PTH112 - false for an impossible name, which is reported below
    is_file = bool(path.suffix) and not text.endswith(SLASHES) and not is_folder
    picture = is_file and path.suffix.lower() in PICTURE_SUFFIXES
    if picture and count is not None and count > 1:
        raise _too_many(path, count)
    folder = not picture if count is None else not is_file or count > 1
    (check_folder if folder else check_writable)(path)
    inputs.check(path, SAVE_PATH)
    return MapFiles(path, folder, raw_file(raw, inputs), inputs)


def _too_many(path: Path, count: int) -> InputError:
    message = f"{count} maps do not fit into the one file '{path}'."
    return InputError(message, hint=f"Give a folder: {SAVE_PATH} {path.parent / path.stem}/")


def figure_files(texts: Sequence[str], *, inputs: Inputs, sanity: int) -> tuple[Path, ...]:
    """Return what `--save-path` means for a comparison. Raises `InputError`.

    No input is ever overwritten. With a number of models as `sanity`, a second figure is written next to each figure.
    What is cut out of maps is written next to the first file.
    """
    from camctl.files.atomic import check_writable
    from camctl.files.mark import check_replaceable
    from camctl.render.save import ENDINGS, FIGURES, page_paths, sanity_path

    paths = []
    for text in texts:
        path = _path(text, example="grid.png")
        if text.endswith(SLASHES):
            raise InputError(f"'{text}' is a folder.", hint=f"Name a file in it: {SAVE_PATH} {path / 'grid.png'}")
        paths.append(check_writable(path, (*ENDINGS, MANIFEST)))
        for file in (path, _boxes_path(path)):
            inputs.check(file, SAVE_PATH)
        if path.suffix.lower() not in FIGURES:
            continue
        # How many pages there will be is known after the work, but for sanity checks: at least one per model.
        chosen = page_paths(sanity_path(path), sanity) if sanity else []
        for file in (*chosen, *_numbered(path)):
            inputs.check(file, SAVE_PATH)
        check_replaceable(chosen)
    return tuple(dict.fromkeys(paths))


def _numbered(path: Path) -> list[Path]:
    """Pages of an earlier figure of this name, which may be written again."""
    from camctl.files.mark import written_by_camctl

    try:
        pages = list(path.parent.glob(f"{escape(path.stem)}-*{escape(path.suffix)}"))
    except (OSError, ValueError):
        return []
    return [page for page in pages if written_by_camctl(page)]


def save_figures(comparison: Comparison, files: Sequence[Path], raw: Path | None, look: dict[str, Any]) -> list[str]:
    """Write all files; returns their paths, the manifests last, as they name the others. Raises `CamctlError`."""
    from camctl.files.atomic import write_atomically
    from camctl.files.manifest import document, json_text
    from camctl.files.raw_maps import save_raw
    from camctl.render.save import save_comparison

    manifests = [file for file in files if file.suffix.lower() == MANIFEST]
    sources = [file for file in files if file.suffix.lower() == TEX]
    drawn = [file for file in files if file not in {*manifests, *sources}]
    paths = [str(path) for file in drawn for path in save_comparison(comparison, file, **look)]
    if raw is not None:
        paths.append(str(save_raw(comparison, raw)))
    if look["cut"] and files:
        paths.append(_save_boxes(comparison, look["cut"], _boxes_path(files[0])))
    for file in sources:
        paths += map(str, save_latex(comparison, file, paths, look))
    command = {} if look["no_metadata"] or not look["command"] else {"command": look["command"]}
    for file in manifests:
        content = document({**comparison.to_dict(paths, look["cut"]), **command})
        paths.append(str(write_atomically(file, json_text(content).encode())))
    return paths


def raw_file(text: str | None, inputs: Inputs) -> Path | None:
    """Return what `--save-raw` means. Raises `InputError`."""
    from camctl.files.atomic import check_writable
    from camctl.files.raw_maps import RAW

    if text is None:
        return None
    path = check_writable(expanded(text), RAW)
    inputs.check(path, "--save-raw")
    return path


def expanded(text: str) -> Path:
    """Return a path as the user means it: shells leave the `~` of `--save-path=~/maps` to the program."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody of that name has a home here
        return Path(text)


def _path(text: str, *, example: str) -> Path:
    # `-` comes from an empty variable or a habit of pipes: nobody wants a folder of that name.
    if text.strip() in {"", "-"}:
        raise InputError(f"'{text}' is not a path to save to.", hint=f"Give a file: --save-path {example}")
    return expanded(text)
