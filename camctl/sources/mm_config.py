"""Find and read an mmpretrain config, by path or by a name in mmpretrain's index."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from camctl.errors import CamctlError, Hint, InputError, UnknownNameError
from camctl.kit.importing import refuse_options
from camctl.kit.reporting import reported
from camctl.paths import check_file
from camctl.sources import data_config
from camctl.sources.mm_layouts import kind_of, no_model, refuse_module
from camctl.sources.mm_preprocess import test_dataset

SUFFIXES = (".py", *data_config.SUFFIXES)
CHECKPOINTS = {".pth", ".pt", ".bin", ".ckpt", ".safetensors"}
"""Endings of files of weights, which are not the model but follow it."""

_NAME = re.compile(r"^[ ]*-[ ]+Name:[ ]*['\"]?([^\s'\"]+)", re.MULTILINE)
_MODELS = re.compile(r"^Models:", re.MULTILINE)


_COMMON = (
    "model",
    "data_preprocessor",
    "test_pipeline",
    "test_dataloader",
    "val_dataloader",
    "custom_imports",
    "default_scope",
)
"""What a user may add to any config."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A config file, the address of published weights, and remarks on how it was found."""

    path: Path
    weights: str | None = None
    notes: tuple[str, ...] = ()


def find_config(reference: str) -> Found:
    """Find the config that the user names. Imports neither torch nor mmengine.

    Raises `InputError` for a path that does not exist or is no config, `UnknownNameError` for an unknown name.
    """
    path = Path(os.path.expanduser(reference))  # noqa: PTH111 - it lets a user be who does not exist
    if os.path.isdir(path):  # noqa: PTH112 - like `isfile`, it also answers for names that no system allows
        message = f"'{reference}' is a folder, not a config file."
        raise InputError(message, hint="Give a .py config file in it.")
    is_path = path.suffix in SUFFIXES
    if os.path.isfile(path):  # noqa: PTH113
        if not is_path:
            message = f"'{reference}' is not a config file: its name ends in none of {', '.join(SUFFIXES)}."
            hint = "The order is IMAGE, then MODEL (a config or a name), then CHECKPOINT."
            if path.suffix in CHECKPOINTS:
                hint = f"Name what builds the model before its weights, as in: python:nets:build {reference}"
            raise InputError(message, hint=hint)
        refuse_module(path)
        return Found(path=path)
    if not is_path and "/" not in reference:
        return published(reference)
    # mmpretrain's documentation names configs by their path in its repository; the wheel has the same files.
    if path.parts[:1] == ("configs",) and os.path.isfile(_shipped() / path):  # noqa: PTH113
        return Found(path=_shipped() / path, notes=(f"Config '{reference}' taken from mmpretrain's own.",))
    hint = "Check the path, or give a model name of mmpretrain such as resnet50_8xb32_in1k."
    stem, ending, name = path.name.partition(".py:")
    if ending and (path.parent / f"{stem}.py").is_file():
        hint = f"Write python:{stem}:{name} in its folder."
    check_file(path, "config file", hint=hint)
    return Found(path=path)


def published(name: str) -> Found:
    """Find a model of mmpretrain's index by name, ignoring case. Raises `UnknownNameError` with near names."""
    names = published_names()
    if name.casefold() not in names:
        known = [spelled for spelled, _ in names.values()]
        # An architecture alone, `resnet50`: those trained on ImageNet, the shortest name first.
        heads = (f"{name}_".casefold(), f"{name}-".casefold())
        begun = [other for other in known if other.casefold().startswith(heads)]
        if begun:
            first = sorted(begun, key=lambda other: ("_in1k" not in other, len(other)))[:3]
            hint = (
                f"Did you mean {' or '.join(first)}? A model of another package is SOURCE:NAME, such as timm:resnet50"
            )
            raise InputError(f"There is no mmpretrain model named '{name}'.", hint=hint)
        hint = "The path of a config file, or SOURCE:REFERENCE, is possible as well."
        raise UnknownNameError("mmpretrain model", name, known, hint=hint)
    spelled, file = names[name.casefold()]
    import yaml  # type: ignore[import-untyped]  # mmengine brings it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are safe ones
    entry = next(model for model in content["Models"] if model["Name"] == spelled)
    if not entry.get("Config"):
        message = f"mmpretrain lists '{spelled}' without a config file."
        raise InputError(message, hint="Give the path of a config file and the checkpoint.")
    return Found(path=_shipped() / entry["Config"], weights=entry.get("Weights") or None)


@cache
def published_names() -> dict[str, tuple[str, Path]]:
    """Name in lower case -> the name as published, and its index file in mmpretrain's wheel."""
    names: dict[str, tuple[str, Path]] = {}
    for file in sorted((_shipped() / "configs").glob("*/metafile.y*ml")):
        # Each file lists collections, then models. Parsing all as YAML takes seconds, a search milliseconds.
        _, *models = _MODELS.split(file.read_text(encoding="utf-8"), maxsplit=1)
        for name in _NAME.findall("".join(models)):
            names.setdefault(name.casefold(), (name, file))
    return names


def _shipped() -> Path:
    """Folder of mmpretrain's wheel with `configs/` and the index."""
    spec = importlib.util.find_spec("mmpretrain")
    if spec is None or spec.origin is None:
        message = "The package mmpretrain is not installed."
        raise CamctlError(message, hint="Install it with: pip install mmpretrain mmcv-lite")
    package = Path(spec.origin).parent
    # A wheel has its configs in `.mim`, a checkout next to the package.
    return package / ".mim" if (package / ".mim").is_dir() else package.parent


def read_config(path: Path, options: Mapping[str, Any]) -> Any:
    """Read a config and merge the user's `cfg_options` into it. Raises `InputError` if that fails.

    A .py config is code, and runs.
    """
    from mmengine.config import Config

    hint = "Correct the config, or try it in Python: mmengine.Config.fromfile(...)."
    with reported(f"The config '{path}' cannot be read", hint):
        check_file(path, "config file", hint="Check the path.", largest=data_config.LARGEST)
        is_data = path.suffix in data_config.SUFFIXES
        config = data_config.read_data(path) if is_data else Config.fromfile(str(path))
    refuse_options(options, f"'{path}'", {*config, *_COMMON})
    copied = _copied_pipeline(config, path, options)
    hint = "Write them as key=value, such as model.head.num_classes=10."
    with reported(f"The config options cannot be merged into '{path}'", hint):
        config.merge_from_dict(dict(options))
    if copied is not None:
        copied["pipeline"] = config.test_pipeline
    if not isinstance(config.get("model"), Mapping) or not config.model.get("type"):
        raise no_model(config, path)
    if is_data:
        data_config.check_classes(config, path)
    return config


def _copied_pipeline(config: Any, path: Path, options: Mapping[str, Any]) -> Any:
    """Return the test dataset if the user changes a `test_pipeline` that was copied into it when the config was read.

    Raises `InputError` if it has another pipeline, so that the change has no effect.
    """
    dataset = test_dataset(config)
    steps = dataset.get("pipeline")
    if not steps or not any(key.partition(".")[0] == "test_pipeline" for key in options):
        return None
    if steps != config.get("test_pipeline"):
        message = f"The test dataset in '{path}' has a pipeline of its own: a change of test_pipeline has no effect."
        hint = Hint("Change that one", cfg_options="test_dataloader.dataset.pipeline.1.scale=VALUE")
        raise InputError(message, hint=hint)
    return dataset


def without_downloads(settings: Any) -> Any:
    """The model's settings without anything that fetches weights while the model is built."""
    if isinstance(settings, Mapping):
        return {
            key: without_downloads(value)
            for key, value in settings.items()
            if key != "pretrained" and not (key == "init_cfg" and kind_of(value) == "Pretrained")
        }
    if isinstance(settings, list | tuple):
        return type(settings)(without_downloads(value) for value in settings if kind_of(value) != "Pretrained")
    return settings
