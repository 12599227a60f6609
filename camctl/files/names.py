"""File names that are safe on any file system."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from camctl.values.explanation import Explanation

LONGEST_NAME = 60
"""Most characters of one part of a file name."""


def file_names(explanation: Explanation, ending: str = ".png") -> list[str]:
    """A name for each map, `{picture}_{class}_{method}.png`, all different.

    Of a class name with synonyms the first is used. Names that clash get the index of the class, then a number.
    """
    names: list[str] = []
    taken: set[str] = set()
    for cam in explanation.maps:
        stem = slug(Path(cam.picture.path).stem, keep_case=True) or "picture"
        title = cam.target.title if cam.target.special else cam.target.label.split(",")[0]
        label = slug(title) or f"class-{cam.target.index}"
        method = slug(cam.method) or "cam"
        candidates = [f"{stem}_{label}_{method}", f"{stem}_{label}-{cam.target.index}_{method}"]
        candidates += [f"{candidates[1]}_{number}" for number in range(2, len(explanation.maps) + 2)]
        name = next(candidate for candidate in candidates if candidate.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name + ending)
    return names


def slug(text: str, *, keep_case: bool = False) -> str:
    """ASCII letters, digits, `+`, `.` and `-` of a text, accents removed; empty if nothing remains."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9+._-]+", "-", plain if keep_case else plain.lower())
    return words.strip("-._")[:LONGEST_NAME].strip("-._")
