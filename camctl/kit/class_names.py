"""Class names as people keep them: in lists, dicts, arrays and files, and those of well-known data sets."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from camctl.errors import Hint, InputError, one_line

NESTS = (
    "id2label",
    "names",
    "class_names",
    "classes",
    "label_names",
    "labels",
    "categories",
    "class_to_idx",
    "label2id",
)
"""Keys under which files keep class names."""

SUFFIXES = (".txt", ".names", ".csv", ".json", ".yaml", ".yml")

BESIDE = ("classes", "class_names", "labels", "class_to_idx", "class_indices", "id2label")
"""Names, without suffix, of files next to a checkpoint that hold its class names."""

DATA_SETS = ("imagenet", "imagenet22k", "coco")
"""Data sets whose names are known."""

IMAGENET = 1000
"""Number of classes of ImageNet-1k."""

FILE = "Give a text file (UTF-8) with one label per line, or CSV, JSON or YAML."

LARGEST = 1 << 26
"""Largest size of a file of names in bytes."""

_WNID = re.compile(r"n\d{8}\s+")
_NUMBER = re.compile(r"(\d+)\s*[\s:,;]\s*")
_NAME_COLUMNS = {"name", "label", "class", "class_name", "classname", "category", "display_name", "description"}
_NUMBER_COLUMNS = {"index", "id", "idx", "class_id", "label_id", "class_index", "number", ""}
_SHARE = 0.9
"""Share of names that must agree with ImageNet's."""


def as_names(value: Any) -> tuple[str, ...] | None:
    """Return class names in the order of the classes; None for anything else.

    Parameters
    ----------
    value
        A list, tuple or array of texts; a dict from index to name (a WordNet number may precede the name) or from name
        to index; a list of dicts with a `name` (and `id`), as COCO has them; or a dict that holds one of these under a
        key of `NESTS`.
    """
    nested = (value.get(key) for key in NESTS) if isinstance(value, Mapping) else ()
    return next(filter(None, map(_flat_names, (value, *nested))), None)


def _flat_names(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, Mapping):
        return _by_index(value) or _by_name(value)
    if not isinstance(value, str | bytes | list | tuple) and callable(getattr(value, "tolist", None)):
        value = value.tolist()  # an array
    if not isinstance(value, list | tuple) or not value:
        return None
    if all(isinstance(entry, Mapping) and isinstance(entry.get("name"), str) for entry in value):
        numbered = all(isinstance(entry.get("id"), int) for entry in value)
        entries = sorted(value, key=lambda entry: entry["id"]) if numbered else value
        return tuple(entry["name"] for entry in entries)
    return tuple(value) if all(isinstance(name, str) for name in value) else None


def _by_index(names: Mapping[Any, Any]) -> tuple[str, ...] | None:
    """Names of a dict whose keys are all indices from 0, as numbers or texts."""
    try:
        entries = {int(index): name for index, name in names.items() if not isinstance(index, bool)}
    except (TypeError, ValueError):
        return None
    if not entries or set(entries) != set(range(len(names))):
        return None
    ordered = [entries[index] for index in range(len(entries))]
    ordered = [name[-1] if isinstance(name, list | tuple) and name else name for name in ordered]
    return tuple(ordered) if all(isinstance(name, str) for name in ordered) else None


def _by_name(indices: Mapping[Any, Any]) -> tuple[str, ...] | None:
    """Names of a dict whose values are all indices from 0, each once."""
    try:
        entries = {int(index): name for name, index in indices.items() if not isinstance(index, bool | float)}
    except (TypeError, ValueError):
        return None
    if not entries or set(entries) != set(range(len(indices))):
        return None
    ordered = [entries[index] for index in range(len(entries))]
    return tuple(ordered) if all(isinstance(name, str) for name in ordered) else None


def given_names(labels: Sequence[str] | str) -> tuple[str, ...]:
    """Return the class names that a user gives.

    Parameters
    ----------
    labels
        One text (a file, the name of a data set among `DATA_SETS`, or names with commas), or the names themselves.

    Raises
    ------
    InputError
        A file cannot be read, or a name is empty.
    """
    if not isinstance(labels, str) and not labels:
        return ()
    if not isinstance(labels, str):
        names: Sequence[str] = labels
    elif labels.casefold() in DATA_SETS:
        return names_of(labels.casefold())
    elif _is_file(file := Path(os.path.expanduser(labels))):  # noqa: PTH111 - it lets a user be who does not exist
        names = read_names(file)
    else:
        names = labels.split(",")
    return _checked(names, named=labels if isinstance(labels, str) else "")


def _is_file(file: Path) -> bool:
    """Whether a text means a file of names, that exists or should."""
    suffix = file.suffix.lower()
    return suffix in SUFFIXES or bool(suffix and os.path.isfile(file))  # noqa: PTH113 - it answers for any text


def _checked(names: Sequence[str], *, named: str) -> tuple[str, ...]:
    cleaned = tuple(" ".join(name.split()) for name in names)
    if not cleaned or not all(cleaned):
        empty = (
            f"Label {cleaned.index('') + 1} of {len(cleaned)} is empty." if cleaned else f"'{named}' holds no labels."
        )
        hint = "Separate them with commas, or write one per line in a file"
        raise InputError(empty, hint=Hint(hint, labels="a cat,a dog"))
    return cleaned


def read_names(file: Path) -> tuple[str, ...]:
    """Read class names from a text file with one per line, or from a CSV, JSON or YAML file.

    A line may begin with its index or its WordNet number. Raises `InputError`: the file cannot be read, or holds none.
    """
    try:
        if not file.is_file() or file.stat().st_size > LARGEST:
            raise ValueError("it is no file of names")  # noqa: TRY301
        text = file.read_text(encoding="utf-8-sig")
        names = _parsed(text, file.suffix.lower())
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        message = f"The labels '{file}' cannot be read: {one_line(error)}"
        raise InputError(
            message, hint="Give a text file (UTF-8) with one label per line, or CSV, JSON or YAML."
        ) from error
    if not names:
        raise InputError(f"'{file}' holds no labels.", hint="Give a text file (UTF-8) with one label per line.")
    return names


def _parsed(text: str, suffix: str) -> tuple[str, ...] | None:
    if suffix == ".json":
        return as_names(json.loads(text))
    if suffix in {".yaml", ".yml"}:
        import yaml  # type: ignore[import-untyped]

        try:
            return as_names(yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise ValueError(one_line(error)) from error
    if suffix == ".csv":
        return _in_table(text)
    return _in_lines(text.strip().splitlines())


def _in_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines, without the WordNet number or the index that every one begins with."""
    names = [_WNID.sub("", line, count=1).strip() for line in lines]
    if all(map(_WNID.match, lines)) and all(names):
        return tuple(names)
    matches = [_NUMBER.match(line) for line in lines]
    numbered = {int(match[1]): line[match.end() :].strip() for match, line in zip(matches, lines, strict=True) if match}
    if lines and set(numbered) == set(range(len(lines))) and all(numbered.values()):
        return tuple(numbered[index] for index in range(len(lines)))
    return tuple(lines)


def _in_table(text: str) -> tuple[str, ...]:
    """Names of a CSV file: of the column that is called so, else of the one that is no number."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), skipinitialspace=True) if any(row)]
    if not rows:
        return ()
    width = max(map(len, rows))
    if len(rows) == 1 or width == 1:
        cells = tuple(cell for row in rows for cell in row)
        return cells[1:] if width == 1 and cells[0].casefold() in _NAME_COLUMNS else cells
    head = [cell.casefold() for cell in rows[0]]
    column = next((i for i, cell in enumerate(head) if cell in _NAME_COLUMNS), None)
    number = next((i for i, cell in enumerate(head) if cell in _NUMBER_COLUMNS), None)
    if column is not None:
        rows = rows[1:]
    if any(len(row) != width for row in rows):
        return tuple(",".join(row) for row in rows)  # names with commas of their own, one a line
    if column is None:
        column = next((i for i in range(width) if not all(row[i].isdecimal() for row in rows)), 0)
        number = next((i for i in range(width) if all(row[i].isdecimal() for row in rows)), None)
        if number is None:
            return tuple(", ".join(row) for row in rows)
    if number is not None and {row[number] for row in rows} == set(map(str, range(len(rows)))):
        rows = sorted(rows, key=lambda row: int(row[number]))
    return tuple(row[column] for row in rows)


def names_beside(checkpoint: str) -> tuple[Path, tuple[str, ...]] | None:
    """Return the file of class names next to a checkpoint file, and its names; None if there is none that is readable.

    It is called like the checkpoint, or by one of `BESIDE`.
    """
    file = Path(checkpoint)
    if not os.path.isfile(file):  # noqa: PTH113 - it answers for any text
        return None
    for stem in (file.stem, *BESIDE):
        for suffix in SUFFIXES:
            beside = file.with_name(f"{stem}{suffix}")
            if beside.is_file():
                try:
                    return beside, read_names(beside)
                except InputError:
                    continue
    return None


@cache
def names_of(data_set: str) -> tuple[str, ...]:
    """Return the class names of a data set among `DATA_SETS`. Raises `InputError` if a package with them is missing."""
    if data_set == "imagenet":
        return imagenet_names()
    if data_set == "coco":
        from torchvision.models.detection import RetinaNet_ResNet50_FPN_Weights

        known = RetinaNet_ResNet50_FPN_Weights.DEFAULT.meta["categories"]
        return tuple(name for name in known if name not in {"__background__", "N/A"})
    if find_spec("timm") is None:
        raise InputError("The names of ImageNet-22k come with timm, which is not installed.", hint="pip install timm")
    from timm.data.imagenet_info import ImageNetInfo

    return tuple(map(str, ImageNetInfo("imagenet-22k").label_descriptions()))


def imagenet_names() -> tuple[str, ...]:
    """Return ImageNet's class names with their synonyms, as mmpretrain lists them."""
    names: tuple[str, ...] = _categories()["IMAGENET_CATEGORIES"]
    return names


@cache
def _categories() -> dict[str, Any]:
    """Lists of mmpretrain's data sets. Only their file is run, since importing the package takes seconds."""
    from runpy import run_path

    package = find_spec("mmpretrain")
    folder = Path(package.origin if package and package.origin else "").parent
    return run_path(str(folder / "datasets" / "categories.py"))


def imagenet_wnids() -> tuple[str, ...]:
    """Return the WordNet numbers of ImageNet's 1000 classes, in the order of the classes."""
    return tuple(files("camctl.kit").joinpath("imagenet_wnids.txt").read_text(encoding="ascii").split())


def synonyms(names: Sequence[str]) -> tuple[str, ...]:
    """Return other names of each class, separated by commas, if the names are ImageNet's in any spelling; else ()."""
    if len(names) != IMAGENET:
        return ()
    known = [name.split(",") for name in imagenet_names()]
    short = _categories().get("IMAGENET_SIMPLE_CATEGORIES", ("",) * IMAGENET)
    others = [[*parts, *name.split(",")] for parts, name in zip(known, short, strict=True)]
    pairs = zip(names, others, strict=True)
    agree = sum(not _folded(name.split(",")).isdisjoint(_folded(parts)) for name, parts in pairs)
    if agree < _SHARE * IMAGENET:
        return ()
    return tuple(",".join((*parts, wnid)) for parts, wnid in zip(others, imagenet_wnids(), strict=True))


def _folded(parts: Sequence[str]) -> set[str]:
    return {part.strip().casefold().replace("_", " ") for part in parts}
