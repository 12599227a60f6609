"""The words that a comparison's axes will have, as far as they are known before its work: `--name` renames one."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import UnknownNameError

if TYPE_CHECKING:
    from camctl.plugin import LoadedModel

MADE = re.compile(r" (?:vs|up|down)\b.*| \(.*|[,+].*")
"""What is put behind a class, a model or a layer to make a label of it."""

HINT = "Give the name of a method, model, class or picture as the figure shows it."


class Labels:
    """Words known so far."""

    def __init__(self, renamed: Mapping[str, str], words: Iterable[str]) -> None:
        self._renamed, self._known = renamed, set(words)

    def loading(self, load: "Callable[[], LoadedModel]") -> "Callable[[], LoadedModel]":
        """Return a function that loads the only model, and raises `InputError` for a name that nothing will have."""

        def loaded() -> "LoadedModel":
            model = load()
            names = model.class_names
            words = {*self._known, *(names or ()), model.name, Path(model.name).stem}
            layers = {name for name, _ in model.module.named_modules()}
            for name in self._renamed:
                stem = MADE.sub("", name)
                if not ({name, stem} & words or stem in layers or name.isdecimal()):
                    raise UnknownNameError("label", name, sorted(words), hint=HINT)
            return model

        return loaded
