"""Pictures as the command line names them: files, folders, patterns."""

from __future__ import annotations

from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".jp2", ".ppm"})
"""Endings of the files in a folder that count as pictures."""


def pictures_in(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the pictures of files, folders and patterns, once each, in the order named.

    Raises `InputError` for a folder or pattern without pictures; a missing file is reported where it is read.
    """
    return tuple(dict.fromkeys(path for text in texts for path in _pictures(text)))


def _pictures(text: str) -> list[str]:
    path = Path(text)
    try:
        exists, folder = path.exists(), path.is_dir()
    except (OSError, ValueError):  # too long or impossible a name, reported where it is opened
        return [text]
    if folder:
        files = sorted(str(file) for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
        if not files:
            raise InputError(
                f"The folder '{text}' holds no pictures.", hint="Name a picture, or a pattern: 'a/*/*.jpg'"
            )
        return files
    if exists or not any(sign in text for sign in "*?["):
        return [text]
    # Path.glob accepts no absolute pattern.
    files = sorted(file for file in glob(text, recursive=True) if Path(file).is_file())  # noqa: PTH207
    if not files:
        raise InputError(f"No file matches '{text}'.", hint="Check the pattern, or name a picture.")
    # A pattern as wide as `photos/*` is not meant for notes in the same folder.
    return [file for file in files if Path(file).suffix.lower() in SUFFIXES] or files
