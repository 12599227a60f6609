"""mmpretrain's models by name, from the index files in its wheel; mmpretrain is not imported."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from camctl.errors import CamctlError, InputError, UnknownNameError

_NAME = re.compile(r"^[ ]*-[ ]+Name:[ ]*['\"]?([^\s'\"]+)", re.MULTILINE)
_MODELS = re.compile(r"^Models:", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Published:
    """A model of the index: its config file and the address of its weights, if there are any."""

    name: str
    config: Path
    weights: str | None


def shipped() -> Path:
    """Folder of mmpretrain's wheel with `configs/` and the index."""
    spec = importlib.util.find_spec("mmpretrain")
    if spec is None or spec.origin is None:
        message = "The package mmpretrain is not installed."
        raise CamctlError(message, hint="Install it with: pip install mmpretrain mmcv-lite")
    package = Path(spec.origin).parent
    # A wheel has its configs in `.mim`, a checkout next to the package.
    return package / ".mim" if (package / ".mim").is_dir() else package.parent


@cache
def names() -> dict[str, tuple[str, Path]]:
    """Name in lower case -> the name as published, and its index file."""
    known: dict[str, tuple[str, Path]] = {}
    for file in sorted((shipped() / "configs").glob("*/metafile.y*ml")):
        # Each file lists collections, then models. Parsing all as YAML takes seconds, a search milliseconds.
        _, *models = _MODELS.split(file.read_text(encoding="utf-8"), maxsplit=1)
        for name in _NAME.findall("".join(models)):
            known.setdefault(name.casefold(), (name, file))
    return known


def find(name: str) -> Published:
    """Find a model by name, ignoring case. Raises `UnknownNameError` with near names."""
    known = names()
    if name.casefold() not in known:
        hint = "The path of a config file, or SOURCE:REFERENCE, is possible as well."
        raise UnknownNameError("mmpretrain model", name, [published for published, _ in known.values()], hint=hint)
    published, file = known[name.casefold()]
    import yaml  # type: ignore[import-untyped]  # mmengine brings it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are safe ones
    entry = next(model for model in content["Models"] if model["Name"] == published)
    if not entry.get("Config"):
        message = f"mmpretrain lists '{published}' without a config file."
        raise InputError(message, hint="Give the path of a config file and the checkpoint.")
    return Published(name=published, config=shipped() / entry["Config"], weights=entry.get("Weights") or None)
