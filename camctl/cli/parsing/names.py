"""Names as the user types them: methods, metrics, classes, labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import InputError, one_line
from camctl.values.request import is_index

if TYPE_CHECKING:
    from collections.abc import Sequence


def split_names(
    texts: Sequence[str] | None, *, default: Sequence[str] = (), option: str = "--method"
) -> tuple[str, ...]:
    """`["GradCAM,LayerCAM", "XGradCAM"]` -> three names; `default` for an option not given. Raises `InputError`."""
    if not texts:
        return tuple(default)
    names = tuple(name for text in texts for part in text.split(",") if (name := part.strip()))
    if not names:
        kind = option.strip("-").removesuffix("s")
        raise InputError(f"{option} names no {kind}.", hint=f"Leave it out, or see: camctl {kind}s")
    return names


def class_names(texts: Sequence[str] | None) -> tuple[int | str, ...]:
    """Return classes by index or name, once each."""
    return tuple(class_name(text) for text in dict.fromkeys(texts or []))


def class_name(text: str) -> int | str:
    """Return an index if the text is a whole number, else a name."""
    return int(text) if is_index(text) else text


def labels_of(texts: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the classes: the lines of a file, one text with commas, or several texts as they are.

    Raises `InputError` for a file that cannot be read and for empty names.
    """
    if not texts:
        return ()
    file = Path(texts[0]).expanduser()
    if len(texts) > 1:
        names = list(texts)
    elif file.suffix and file.is_file():
        names = _lines(file)
    elif file.suffix in {".txt", ".csv", ".names"}:
        message = f"There is no file of labels '{texts[0]}'."
        raise InputError(message, hint="Check the path, or give the texts: --labels 'a cat,a dog'")
    else:
        names = texts[0].split(",")
    labels = tuple(" ".join(name.split()) for name in names)
    if not labels or not all(labels):
        message = f"Label {labels.index('') + 1} of {len(labels)} is empty." if labels else f"'{file}' holds no labels."
        hint = "Separate them with commas, --labels 'a cat,a dog', or write one per line in a file."
        raise InputError(message, hint=hint)
    return labels


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").strip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        message = f"The labels '{file}' cannot be read: {one_line(error)}"
        raise InputError(message, hint="Give a text file (UTF-8) with one label per line.") from error
