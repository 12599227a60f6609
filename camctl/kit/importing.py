"""Import the user's own code, and pass it the user's own options."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from camctl.errors import Hint, InputError


@contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Make the current folder and others importable inside the block, as `python -m` does and a script does not.

    The current folder comes first. A folder that is importable already keeps its place.
    """
    try:
        here = [Path.cwd()]
    except OSError:  # it was removed: installed modules can still be imported
        here = []
    missing = [text for text in dict.fromkeys(map(str, (*here, *folders))) if text not in sys.path]
    if here and "" in sys.path:
        missing = [text for text in missing if text != str(here[0])]
    sys.path[:0] = missing
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for text in missing:
            if text in sys.path:
                sys.path.remove(text)


def refuse_options(options: Mapping[str, Any], where: str, known: Collection[str] = ()) -> None:
    """Raise `InputError` for config options that nothing takes.

    Parameters
    ----------
    options
        The user's config options; of a name with dots the first part counts.
    where
        What they were given for, such as `the source torchvision`.
    known
        Names that are taken; the nearest one is proposed.
    """
    unknown = next((name for name in options if name.partition(".")[0] not in known), None)
    if unknown is None:
        return
    if not known:
        raise InputError(f"{_capital(where)} takes no config options.", hint="Leave them out.")
    first, dot, rest = unknown.partition(".")
    close = get_close_matches(first, known, n=1)
    listed = f"It takes {', '.join(sorted(known))}."
    hint = Hint("Did you mean", cfg_options=f"{close[0]}{dot}{rest}=VALUE") if close else listed
    raise InputError(f"{_capital(where)} takes no config option '{unknown}'.", hint=hint)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
