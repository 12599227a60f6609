"""Where pictures go: one file for one map, a folder for several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.comparison import Comparison
    from camctl.values.explanation import Cam, Explanation
    from camctl.values.look import Canvas

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".pdf", ".svg"})
"""What looks like a file's name to people, whether or not it can be written."""


@dataclass(frozen=True)
class Drawing:
    """How overlays are drawn."""

    canvas: Canvas
    colormap: str
    opacity: float

    def draw(self, cam: Cam) -> NDArray[np.uint8]:
        """The overlay, (H, W, 3) uint8 RGB."""
        return cam.overlay(canvas=self.canvas, colormap=self.colormap, opacity=self.opacity)


@dataclass(frozen=True)
class Destination:
    """A file, or a folder that files are named in."""

    path: Path
    folder: bool


def place(text: str) -> Path:
    """A path as the user wrote it; shells leave the `~` of `--save-path=~/maps` to us."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody of that name has a home here
        return Path(text)


def destination(text: str, count: int, *, kept: str) -> Destination:
    """What `--save-path` means for so many maps, seen to be writable before any work is done.

    A path that is a folder, ends in a slash or has no suffix is a folder; several maps need one.
    `kept`: path of the picture, which is never overwritten. Raises `InputError`.
    """
    from camctl.files.atomic import check_folder, check_writable

    # `-` is what an empty variable or a habit of pipes leaves there: nobody wants a folder of that name.
    if text.strip() in {"", "-"}:
        raise InputError(f"'{text}' is no place to save to.", hint="Give a file, --save-path cam.png, or a folder.")
    path = place(text)
    if same_file(path, Path(kept)):
        hint = f"Choose another name: --save-path {path.with_name(f'{path.stem}_cam.png')}"
        raise InputError(f"'{text}' is the picture itself, which would be lost.", hint=hint)
    named_as_file = bool(path.suffix) and not text.endswith(("/", "\\")) and not _is_folder(path)
    if named_as_file and count > 1 and path.suffix.lower() in PICTURE_SUFFIXES:
        message = f"{count} maps do not fit into the one file '{text}'."
        raise InputError(message, hint=f"Give a folder: --save-path {path.parent / path.stem}/")
    folder = not named_as_file or count > 1
    if folder:
        check_folder(path)
    else:
        check_writable(path)
    return Destination(path, folder)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # too long a name, which is said where it is checked
        return False


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file that is there."""
    try:
        return one.is_file() and one.samefile(other)
    except (OSError, ValueError):  # what is wrong with either is said where it is opened
        return False


def save(explanation: Explanation, target: Destination, drawing: Drawing) -> dict[int, str]:
    """Save every overlay; place of a map -> path of its picture. Raises `CamctlError`."""
    from camctl.files.names import file_names
    from camctl.files.pictures import save_picture

    names = file_names(explanation)
    paths: dict[int, str] = {}
    for place, cam in enumerate(explanation.maps):
        path = target.path / names[place] if target.folder else target.path
        save_picture(drawing.draw(cam), path)
        paths[place] = str(path)
    return paths


def check_raw(text: str) -> None:
    """See that `--save-raw` names a file of numbers that can be written. Raises `InputError`."""
    from camctl.files.atomic import check_writable
    from camctl.files.raw_maps import RAW

    check_writable(place(text), RAW)


def save_numbers(result: Explanation | Comparison, text: str) -> None:
    """Save the raw maps and what made them. Raises `CamctlError`."""
    from camctl.files.raw_maps import save_raw

    save_raw(result, place(text))
