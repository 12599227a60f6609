"""Class names, in all the forms in which people keep them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from camctl.kit.pickles import Inert

_KEYS = (
    "classes",
    "CLASSES",
    "class_names",
    "class_to_idx",
    "categories",
    "idx_to_class",
    "id2label",
    "label2id",
    "label_names",
    "idx2label",
    "names",
    "labels",
)
_PLACES = ("meta", "dataset_meta", "hyper_parameters", "datamodule_hyper_parameters", "hparams", "config", "args")
"""Keys of tables beside the weights that may hold the names."""
_DEEPEST = 4
_MOST, _SOME = 200_000, 20


def as_names(value: Any) -> tuple[str, ...] | None:
    """Return class names as a tuple, in the order of the outputs; None for anything else.

    They may be a list, an array, a table by index (`{0: "cat"}`; a WordNet number may precede the name) or by name
    (`{"cat": 0}`), or a list of tables with a `name` (and an `id`), as COCO has them.

    Examples
    --------
    >>> as_names({"dog": 1, "cat": 0})
    ('cat', 'dog')
    """
    value = _listed(value)
    if isinstance(value, Mapping):
        value = _in_order(dict(dict.items(value) if isinstance(value, dict) else value.items()))
    if not isinstance(value, list | tuple) or not value:
        return None
    if all(isinstance(entry, Mapping) and isinstance(entry.get("name"), str) for entry in value):
        numbered = all(isinstance(entry.get("id"), int) for entry in value)
        value = [entry["name"] for entry in (sorted(value, key=lambda entry: entry["id"]) if numbered else value)]
    return tuple(map(str, value)) if all(isinstance(name, str) for name in value) else None


def _in_order(table: dict[Any, Any]) -> list[Any] | None:
    """Names of a table by name, whose values are numbers then, or by index; None for another table."""
    if all(isinstance(number, int) for number in table.values()):  # names may be digits as well
        by_index = {_index(number): name for name, number in table.items()}
    else:
        by_index = {_index(key): name for key, name in table.items()}
    if set(by_index) != set(range(len(table))):
        return None
    names = [by_index[index] for index in range(len(table))]
    return [name[-1] if isinstance(name, list | tuple) and name else name for name in names]


def names_in(content: Any) -> tuple[str, ...] | None:
    """Class names in a checkpoint's content, beside the weights or in the tables there."""
    for table in _tables(content):
        for key in _KEYS:
            if names := as_names(table.get(key)):
                return names
    return None


def has_arrays(content: Any, depth: int = 0) -> bool:
    """Whether a checkpoint's content has arrays of numpy in the place of tensors."""
    if isinstance(content, Inert):
        return isinstance(content.state, tuple) and len(content.state) == 5  # noqa: PLR2004
    parts = list(content.values()) if isinstance(content, dict) and depth < _DEEPEST else []
    return any(has_arrays(part, depth + 1) for part in parts[:_SOME])


def _tables(content: Any, depth: int = 0) -> Iterator[Mapping[Any, Any]]:
    """Tables that may hold class names, the innermost first, as mmengine's `meta.dataset_meta`."""
    if isinstance(content, Inert):
        content = content.state
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return
    table = dict(dict.items(content)) if isinstance(content, dict) else dict(content)
    for key in _PLACES:
        yield from _tables(table.get(key), depth + 1)
    yield table


def _index(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:  # noqa: PLR2004
        return int(value)
    return value if isinstance(value, int) else None


def _listed(value: Any) -> Any:
    """A list of an array's values, of a stand-in for one too; anything else as it is."""
    if isinstance(value, Inert):
        return _texts(value.state)
    if type(value).__module__.partition(".")[0] in {"numpy", "pandas"} and hasattr(value, "tolist"):
        return value.tolist()
    return value


def _texts(state: Any) -> list[str] | None:
    """Texts of the pickled state of a numpy array of one dimension, which is never made an array."""
    if not isinstance(state, tuple) or len(state) != 5:  # noqa: PLR2004
        return None
    _, shape, kind, _, data = state
    if isinstance(data, list):
        return data
    code = kind.arguments[0] if isinstance(kind, Inert) and kind.arguments else ""
    order = kind.state[1] if isinstance(getattr(kind, "state", None), tuple) and len(kind.state) > 1 else "<"
    whole = isinstance(shape, tuple) and len(shape) == 1 and all(isinstance(size, int) for size in shape)
    width = _index(code[1:]) if isinstance(code, str) and code[:1] in {"U", "S"} else None
    if not whole or not width or not isinstance(data, bytes):
        return None
    letters = 4 if code[0] == "U" else 1
    if prod(shape) > _MOST or len(data) != prod(shape) * width * letters:
        return None
    encoding = "latin-1" if letters == 1 else "utf-32-be" if order == ">" else "utf-32-le"
    parts = (data[at : at + width * letters] for at in range(0, len(data), width * letters))
    try:
        return [part.decode(encoding).rstrip("\0") for part in parts]
    except UnicodeDecodeError:
        return None
