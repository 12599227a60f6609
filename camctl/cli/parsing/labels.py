"""The words that figures of a comparison show: `--name` gives one another name."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from camctl.errors import UnknownNameError
    from camctl.plugin import LoadedModel
    from camctl.values.comparison import Comparison

MADE = re.compile(r" (?:vs|up|down|in|at)\b.*| \(.*|[,+].*")
"""What is put behind a class, a model or a layer to make a label of it."""


class Labels:
    """New names, and the words that are known so far."""

    def __init__(self, names: Mapping[str, str], words: Iterable[str]) -> None:
        self._names, self._known = names, set(words)

    def loading(self, load: "Callable[[], LoadedModel]") -> "Callable[[], LoadedModel]":
        """Return a function that loads the only model, and raises `InputError` for a name that nothing will have."""
        from camctl.render.layout.naming import unnamed

        def loaded() -> "LoadedModel":
            model = load()
            layers = [name for name, _ in model.module.named_modules() if name]
            words = [*sorted(self._known), model.name, *(model.class_names or ())]
            for name in self._names:
                if not (name.isdecimal() or _among(name, [*words, *layers])):
                    raise unnamed(name, _parts(words))
            return model

        return loaded

    def shown(self, comparison: "Comparison") -> "tuple[dict[str, str], list[UnknownNameError]]":
        """Return the names of what a comparison shows, and for the others why they change nothing."""
        from camctl.render.layout.naming import unknown, unnamed, words_of

        others = unknown(comparison, self._names)
        names = {old: new for old, new in self._names.items() if old not in others}
        return names, [unnamed(name, words_of(comparison)) for name in others]


def _among(name: str, words: Iterable[str]) -> bool:
    """Return whether a name, or what it begins with, is one of some words."""
    from camctl.render.layout.naming import Names

    names = Names({name: "", MADE.sub("", name): ""})
    for word in words:
        names(word)
    return bool(names.used)


def _parts(labels: Iterable[str]) -> list[str]:
    """Return labels and their parts between commas, each once."""
    return list(dict.fromkeys(part.strip() for label in labels for part in (label, *label.split(","))))
