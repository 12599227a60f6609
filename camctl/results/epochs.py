"""A training that was watched: a folder with a results folder an epoch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.results.folder import Folder
from camctl.results.results import open_results

if TYPE_CHECKING:
    from camctl.results.results import Results

EPOCH, ITERATION = "epoch", "iteration"
"""What is counted of a training."""


def folder_of(out: str | Path, number: int, unit: str = EPOCH) -> str:
    """Return the results folder of an epoch in the folder of a training.

    Examples
    --------
    >>> folder_of("cams", 3)
    'cams/epoch-0003'
    """
    return Folder(out).path(f"{unit}-{number:04d}")


def epochs(out: str | Path, unit: str = "") -> dict[int, str]:
    """Return the results folder of each epoch of a training, in their order; empty if the folder is none of a training.

    Parameters
    ----------
    out
        The folder of the training.
    unit
        `epoch` or `iteration`; by default what the folder has, epochs if it has both.
    """
    if not unit:
        return epochs(out, EPOCH) or epochs(out, ITERATION)
    names = Folder(out).contents() or []
    found = {int(match[1]): name for name in names if (match := re.fullmatch(rf"{unit}-(\d+)", name))}
    return {number: Folder(out).path(found[number]) for number in sorted(found)}


def open_epochs(out: str | Path) -> dict[int, Results]:
    """Open the results of each epoch of a training; a folder that holds none yet is left out."""
    opened: dict[int, Results] = {}
    for number, folder in epochs(out).items():
        try:
            results = open_results(folder)
        except InputError:
            continue
        if len(results):
            opened[number] = results
    return opened
