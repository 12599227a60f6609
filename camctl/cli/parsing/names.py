"""Names as the user types them: methods, metrics, classes, colormaps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import InputError, one_line
from camctl.values.explanation import is_index, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence


def split_names(
    given: Sequence[str] | None, *, default: Sequence[str] = (), option: str = "--method"
) -> tuple[str, ...]:
    """`["GradCAM,LayerCAM", "XGradCAM"]` -> three names; `default` for an option not given. Raises `InputError`."""
    if not given:
        return tuple(default)
    names = tuple(name for text in given for part in text.split(",") if (name := part.strip()))
    if not names:
        kind = option.strip("-").removesuffix("s")
        raise InputError(f"{option} names no {kind}.", hint=f"Leave it out, or see: camctl {kind}s")
    return names


def classes_of(given: Sequence[str] | None, topk: int | None) -> list[int | str]:
    """Classes by index or name, once each. Raises `InputError` where `--topk` says which as well."""
    classes = [as_class(text) for text in dict.fromkeys(given or [])]
    if classes and topk is not None:
        message = "--target-category and --topk both say which classes to explain."
        raise InputError(message, hint="Give one of them.")
    return classes


def rivals_of(given: Sequence[str] | None, strength: float) -> list[int | str]:
    """Classes that a target is told from, by index or name, once each. Raises `InputError`."""
    if not given and strength != 1:
        message = "--versus-strength says how strongly classes count against the target, and none is given."
        raise InputError(message, hint="Name them: --versus CLASS, or --versus auto")
    for text in given or []:
        nearest(text)
    return [as_class(text) for text in dict.fromkeys(given or [])]


def labels_of(given: Sequence[str] | None) -> tuple[str, ...]:
    """What the classes are called: the lines of a file, one text with commas, or several texts as they are.

    Raises `InputError` for a file that cannot be read and for empty texts.
    """
    if not given:
        return ()
    file = Path(given[0]).expanduser()
    if len(given) > 1:
        found = list(given)
    elif file.suffix and file.is_file():
        found = _lines(file)
    elif file.suffix in {".txt", ".csv", ".names"}:
        message = f"There is no file of labels '{given[0]}'."
        raise InputError(message, hint="Check the path, or give the texts: --labels 'a cat,a dog'")
    else:
        found = given[0].split(",")
    labels = tuple(" ".join(text.split()) for text in found)
    if not labels or not all(labels):
        message = f"Label {labels.index('') + 1} of {len(labels)} is empty." if labels else f"'{file}' holds no labels."
        raise InputError(message, hint="Write them with commas, --labels 'a cat,a dog', or one a line in a file.")
    return labels


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").strip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        message = f"The labels '{file}' cannot be read: {one_line(error)}"
        raise InputError(message, hint="Give a text file (UTF-8) with one label a line.") from error


def as_class(text: str) -> int | str:
    """An index where it is a whole number, else a name."""
    return int(text) if is_index(text) else text
