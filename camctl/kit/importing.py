"""Folders of the user's own code, importable while it is needed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Make the current folder and these importable inside the block, as `python -m` does with the current one."""
    added: list[str] = []
    for folder in (None, *folders):
        try:
            place = str(Path.cwd() if folder is None else folder.resolve())
        except OSError:  # it was removed: installed modules can still be imported
            continue
        if place not in sys.path and not (folder is None and "" in sys.path):
            sys.path.insert(len(added), place)
            added.append(place)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for place in added:
            if place in sys.path:
                sys.path.remove(place)
