"""How camctl knows the files that it wrote: each says so, and a name that camctl chose replaces no other file."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from camctl.values.explanation import Explanation

MARK = "camctl, class activation maps"
"""What a file's metadata names as the software that made it, in all formats."""

LARGEST = 256 << 20
"""Most bytes of a file that are searched for the mark."""


def origin(runs: Iterable[Explanation], command: str = "") -> dict[str, str]:
    """Return the `Command`, if one made a figure, and the `Versions` of the packages that made its maps."""
    versions: dict[str, str] = {}
    for run in runs:
        versions |= run.versions
    facts = {"Command": command, "Versions": ", ".join(f"{name} {version}" for name, version in versions.items())}
    return {name: text for name, text in facts.items() if text}


def check_replaceable(paths: Iterable[Path]) -> None:
    """Check that nothing is lost when files of these names, which the user did not write, are written.

    Raises `InputError` for the first path where there is a file without `MARK`.
    """
    for path in paths:
        if not _replaceable(path):
            message = f"'{path}' would be replaced, and was not written by camctl."
            raise InputError(message, hint="Move it away, or save to another name or folder.")


def _replaceable(path: Path) -> bool:
    try:
        status = path.stat()
    except (OSError, ValueError):  # nothing is there, or it is reported where it is written
        return True
    return not stat.S_ISREG(status.st_mode) or not status.st_size or written_by_camctl(path)


def written_by_camctl(path: Path) -> bool:
    """Whether a file holds `MARK`; False for one that cannot be read."""
    try:
        status = path.stat()
        return stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST and MARK.encode() in path.read_bytes()
    except (OSError, ValueError):
        return False
