"""What kind of data set a text names: a folder, a glob, a list, Parquet, or tar shards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from camctl.datasets.folder import open_folder, open_glob
from camctl.datasets.lists import LISTS, open_list
from camctl.datasets.locations import expanded, files_below, is_folder, is_pattern, joined, suffix
from camctl.datasets.parquet import open_parquet
from camctl.datasets.shards import open_shards
from camctl.errors import InputError
from camctl.paths import is_address

if TYPE_CHECKING:
    from camctl.datasets.data import Data

PARQUET = (".parquet", ".pq")
"""Endings of Parquet files."""

TARS = (".tar",)
"""Endings of tar shards."""

_COMPRESSED = (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar.zst", ".zip")
_HINT = "Give a folder, a glob, a list (.txt, .csv, .jsonl), Parquet files, or tar shards."


def is_data(text: str) -> bool:
    """Whether a text names a data set, and not one picture file; nothing is opened."""
    if suffix(text) in (*LISTS, *PARQUET, *TARS) or text.lower().endswith(_COMPRESSED):
        return True
    if is_pattern(text) or text.endswith("/"):
        return True
    if is_address(text):
        return not text.startswith(("http:", "https:")) and not suffix(text)
    return is_folder(text)


def _packed(text: str, files: list[str]) -> Data | None:
    """Return the pictures of those files that are Parquet, or tar shards; None if none is."""
    if parquet := [file for file in files if suffix(file) in PARQUET]:
        return open_parquet(text, parquet)
    if tars := [file for file in files if suffix(file) in TARS]:
        return open_shards(text, tars)
    return None


def open_data(text: str) -> Data:
    """Open a data set: names, labels, boxes and other columns are read, no picture is.

    Raises
    ------
    InputError
        There is no data set, or it holds no picture.

    Examples
    --------
    >>> open_data("no such folder/")
    Traceback (most recent call last):
    camctl.errors.InputError: There is no folder 'no such folder/'.
    """
    if text.lower().endswith(_COMPRESSED):
        message = f"'{text}' is compressed, and its pictures can only be read from its start."
        raise InputError(message, hint="Unpack it, and give the folder or the plain tar.")
    if is_folder(text):
        if data := open_folder(text) or _packed(text, [joined(text, name) for name in sorted(files_below(text))]):
            return data
        raise InputError(f"The folder '{text}' holds no pictures.", hint=_HINT)
    if suffix(text) in (*PARQUET, *TARS):
        if data := _packed(text, expanded(text)):
            return data
        raise InputError(f"'{text}' holds no pictures.", hint=_HINT)
    if is_pattern(text):
        return open_glob(text)
    if suffix(text) in LISTS:
        return open_list(text)
    if os.path.isfile(text):  # noqa: PTH113 - it answers for any text
        raise InputError(f"'{text}' is one file, and no data set.", hint=_HINT)
    what = "folder" if text.endswith("/") else "data set"
    raise InputError(f"There is no {what} '{text}'.", hint=_HINT)
