"""A data set that is a folder of pictures, or the pictures that fit a glob."""

from __future__ import annotations

import glob
import posixpath
from collections.abc import Iterable

from camctl.datasets.data import Data, no_columns, table
from camctl.datasets.locations import Files, expanded, files_below, full_address, in_results, joined, parent, suffix
from camctl.errors import InputError
from camctl.paths import is_address
from camctl.values.picture_file import picture_suffixes


def open_folder(text: str) -> Data | None:
    """Return the pictures below a folder, sorted; None if it holds none."""
    suffixes = picture_suffixes()
    names = sorted(name for name in files_below(text) if suffix(name) in suffixes)
    return _pictures(text, text, names) if names else None


def open_glob(text: str) -> Data:
    """Return the pictures that fit a glob. Raises `InputError` if there are none."""
    suffixes = picture_suffixes()
    paths = [path for path in expanded(text) if suffix(path) in suffixes]
    root = text
    while glob.has_magic(root) or "{" in root:
        root = parent(root)
    if is_address(root):
        root = full_address(root)
    else:
        paths = [path for path in paths if not in_results(path, root)]
    if not paths:
        raise InputError(f"No picture fits '{text}'.", hint="Check the pattern; quote it, so that no shell expands it.")
    start = len(root.rstrip("/")) + 1 if root else 0
    return _pictures(text, root, [path[start:] for path in paths])


def _pictures(name: str, root: str, names: list[str]) -> Data:
    rows = table(names, (joined(root, inner) for inner in names), _labels(names))
    return Data(name, rows, no_columns(len(names)), Files())


def _labels(names: Iterable[str]) -> list[str] | None:
    """Return the folder that each picture is in, if all are in a subfolder: the tree of a data set for classifiers."""
    from camctl.values.texts import valid

    folders = [posixpath.basename(posixpath.dirname(name)) for name in names]
    return [valid(folder) for folder in folders] if all(folders) else None
