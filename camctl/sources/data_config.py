"""Configs in JSON and YAML are data: nothing in them runs, whatever their bases, types and imports ask for.

mmengine's own reader builds YAML tags, runs a `.py` base, and imports the module of any `type` that it does not know.
Here a safe loader reads, bases are data as well, and only classes that are registered already are built.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from camctl.errors import InputError
from camctl.paths import check_file

SUFFIXES = (".json", ".yaml", ".yml")
_HINT = "Write it as a .py config, which is code and may use anything: see mmengine.Config.dump(...)."
LARGEST = 16 << 20
"""Maximum size of a config in bytes."""
_MOST_VALUES, _DEEPEST = 100_000, 100
"""Aliases in YAML let a short file stand for more values than memory holds."""
_CLASSES, _SCOPES = ("type", "norm_layer"), ("mmpretrain", "mmengine", "mmcv")


def read_data(path: Path, above: tuple[Path, ...] = ()) -> Any:
    """Read a config and its bases as mmengine's `Config`. Raises `InputError`, or what a parser raises."""
    from mmengine.config import Config

    path = Path(os.path.realpath(path))  # `resolve` raises for a link to itself
    if path in above:
        raise InputError(f"The config '{path}' is a base of itself.", hint="Correct its `_base_`.")
    check_file(path, "config file", hint="Check the path, or `_base_` in the config.", largest=LARGEST)
    content = _plain(_parsed(path), path, [_MOST_VALUES])
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"The config '{path}' is no table of names and values.", hint="Check the path.")
    bases = content.pop("_base_", ())
    bases = [bases] if isinstance(bases, str) else bases
    config = Config({})
    for base in bases:
        if not isinstance(base, str) or not base.endswith(SUFFIXES):
            message = f"The config '{path}' is data, but its base {base!r} is not: it is no {', '.join(SUFFIXES)} file."
            raise InputError(message, hint=_HINT)
        config.merge_from_dict(dict(read_data(path.parent / base, (*above, path)).items()))
    config.merge_from_dict(content)
    return config


def _parsed(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    import yaml  # type: ignore[import-untyped]  # mmengine brings it

    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe


def _plain(value: Any, path: Path, left: list[int], depth: int = 0) -> Any:
    """A copy without aliases. `left` counts down the values that may still come."""
    left[0] -= 1
    if left[0] < 0 or depth > _DEEPEST:
        message = (
            f"The config '{path}' holds too much: more than {_MOST_VALUES} values, or {_DEEPEST} inside each other."
        )
        raise InputError(message, hint="Write its values out, without aliases.")
    if isinstance(value, dict):
        return {key: _plain(part, path, left, depth + 1) for key, part in value.items()}
    return [_plain(part, path, left, depth + 1) for part in value] if isinstance(value, list) else value


def check_classes(config: Any, path: Path) -> None:
    """Raise `InputError` if what is built of a config names anything but registered classes.

    To be called after the user's own options are merged.
    """
    registered = _registered()
    refused: dict[str, Callable[[Any], bool]] = {
        "_scope_": lambda scope: scope not in _SCOPES,
        "dtype": lambda name: isinstance(name, str) and not re.fullmatch(r"\w+", name),  # it is evaluated
        "trust_remote_code": bool,
    }
    for key, value in _built(config):
        if key in _CLASSES and isinstance(value, str) and _unscoped(value) not in registered:
            message = f"The config '{path}' names {value!r}, which is no registered class of mmpretrain."
            raise InputError(message, hint=_HINT)
        if key in refused and refused[key](value):
            message = f"The config '{path}' has {value!r} as its `{key}`, which only code may use."
            raise InputError(message, hint=_HINT)


def _registered() -> set[str]:
    from mmengine import registry as general
    from mmpretrain import registry as special

    groups = ("MODELS", "TRANSFORMS", "WEIGHT_INITIALIZERS")
    registries = [getattr(module, group) for module in (general, special) for group in groups]
    for registry in (*registries, special.BATCH_AUGMENTS):
        registry.import_from_location()  # as building does
    return set().union(*(registry.module_dict for registry in (*registries, special.BATCH_AUGMENTS)))


def _unscoped(name: str) -> str:
    scope, _, rest = name.partition(".")
    return rest if scope in _SCOPES else name


def _built(config: Any) -> Iterator[tuple[Any, Any]]:
    """Keys and single values of the parts of a config from which something is built."""
    for key, part in config.items():
        if key in {"model", "data_preprocessor", "test_pipeline"}:
            yield from _values(part)
        elif key in {"test_dataloader", "val_dataloader", "data"}:
            yield from _pipelines(part)


def _pipelines(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, part in _items(value):
        yield from _values(part) if key == "pipeline" else _pipelines(part)


def _values(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, part in _items(value):
        if isinstance(part, Mapping | list | tuple):
            yield from _values(part)
        else:
            yield key, part


def _items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return [("", part) for part in value] if isinstance(value, list | tuple) else []
