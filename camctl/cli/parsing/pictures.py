"""Pictures as the command line names them: files, folders, patterns."""

from __future__ import annotations

from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".jp2", ".ppm"})
"""Files in a folder that are taken for pictures."""


def pictures_in(texts: Sequence[str]) -> tuple[str, ...]:
    """Each text's pictures, once each, in the order named: a file, a folder's pictures, or what a pattern matches.

    Raises `InputError` for a folder or pattern without pictures; a file that is missing is for its reader to tell.
    """
    return tuple(dict.fromkeys(path for text in texts for path in _pictures(text)))


def _pictures(text: str) -> list[str]:
    path = Path(text)
    try:
        there, folder = path.exists(), path.is_dir()
    except (OSError, ValueError):  # too long a name, or one that cannot be: said where it is opened
        return [text]
    if folder:
        found = sorted(str(each) for each in path.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file())
        if not found:
            raise InputError(
                f"The folder '{text}' holds no pictures.", hint="Name a picture, or a pattern: 'a/*/*.jpg'"
            )
        return found
    if there or not any(sign in text for sign in "*?["):
        return [text]
    # Path.glob takes no absolute pattern.
    found = sorted(each for each in glob(text, recursive=True) if Path(each).is_file())  # noqa: PTH207
    if not found:
        raise InputError(f"No file matches '{text}'.", hint="Check the pattern, or name a picture.")
    # A pattern as wide as `photos/*` is not meant for the notes beside them.
    return [each for each in found if Path(each).suffix.lower() in SUFFIXES] or found
