"""Class names that a user gives: as texts, in files of every usual form, or by the name of a data set."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from camctl.errors import Hint, InputError, one_line
from camctl.kit.class_names import as_names, names_in
from camctl.kit.data_sets import DATA_SETS, names_of
from camctl.paths import check_file

SUFFIXES = (".txt", ".names", ".csv", ".json", ".yaml", ".yml")

BESIDE = ("classes", "class_names", "labels", "class_to_idx", "class_indices", "id2label")
"""Names, without suffix, of files next to a checkpoint that hold its class names."""

FILE = "Give a text file (UTF-8) with one label per line, or CSV, JSON or YAML."

LARGEST = 1 << 26
"""Maximum size of a file of names in bytes."""

_WNID = re.compile(r"n\d{8}\s+")
_NUMBER = re.compile(r"(\d+)\s*[\s:,;]\s*")
_NAME_COLUMNS = {"name", "label", "class", "class_name", "classname", "category", "display_name", "description"}
_NUMBER_COLUMNS = {"index", "id", "idx", "class_id", "label_id", "class_index", "number", ""}


def given_names(labels: Any) -> tuple[str, ...]:
    """Return the class names that a user gives.

    Parameters
    ----------
    labels
        One text (a file, the name of a data set among `DATA_SETS`, or names with commas), or the names themselves in
        any form that `as_names` reads.

    Raises
    ------
    InputError
        A file cannot be read, or a name is empty.
    """
    if labels is None or (not isinstance(labels, str) and hasattr(labels, "__len__") and not len(labels)):
        return ()
    labels = str(labels) if isinstance(labels, os.PathLike) else labels
    if not isinstance(labels, str):
        names: Sequence[str] | None = as_names(labels)
        if names is None:
            message = f"The labels are no class names: a {type(labels).__name__}."
            raise InputError(
                message, hint=Hint("Give one text per class, in the order of the outputs", labels=("cat", "dog"))
            )
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
    hint = Hint("Check the path, or give the texts", labels="a cat,a dog")
    check_file(file, "file of labels", hint=hint, largest=LARGEST)
    try:
        names = _parsed(file.read_text(encoding="utf-8-sig"), file.suffix.lower())
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise InputError(f"The labels '{file}' cannot be read: {one_line(error)}", hint=FILE) from error
    if not names:
        raise InputError(f"'{file}' holds no labels.", hint=FILE)
    return names


def _parsed(text: str, suffix: str) -> tuple[str, ...] | None:
    if suffix == ".json":
        return _in_content(json.loads(text))
    if suffix in {".yaml", ".yml"}:
        import yaml  # type: ignore[import-untyped]

        try:
            return _in_content(yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise ValueError(one_line(error)) from error
    if suffix == ".csv":
        return _in_table(text)
    return _in_lines(text.strip().splitlines())


def _in_content(content: object) -> tuple[str, ...] | None:
    return as_names(content) or names_in(content)


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
