"""Names as the user types them: methods, metrics, classes, colormaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import InputError, UnknownNameError
from camctl.render.colormaps import colormap_names
from camctl.results import is_index

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


def as_class(text: str) -> int | str:
    """An index where it is a whole number, else a name."""
    return int(text) if is_index(text) else text


def known_colormap(name: str) -> str:
    """The colormap's name, if there is one. Raises `UnknownNameError`."""
    if name.casefold() not in {*colormap_names(), "gray"}:
        raise UnknownNameError("colormap", name, colormap_names())
    return name
