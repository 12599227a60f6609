"""Find and read an mmpretrain config, by path or by a name in mmpretrain's index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from camctl.errors import InputError, one_line
from camctl.sources import model_index

SUFFIXES = (".py", ".yaml", ".yml", ".json")


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
    path = Path(reference).expanduser()
    if path.is_dir():
        message = f"'{reference}' is a folder, not a config file."
        raise InputError(message, hint="Give a .py config file in it.")
    is_path = path.suffix in SUFFIXES
    if path.is_file():
        if not is_path:
            message = f"'{reference}' is not a config file: its name ends in none of {', '.join(SUFFIXES)}."
            raise InputError(message, hint="The order is IMAGE, then MODEL (a config or a name), then CHECKPOINT.")
        return Found(path=path)
    if not is_path and "/" not in reference:
        published = model_index.find(reference)
        return Found(path=published.config, weights=published.weights)
    # mmpretrain's documentation names configs by their path in its repository; the wheel has the same files.
    if path.parts[:1] == ("configs",) and (model_index.shipped() / path).is_file():
        return Found(path=model_index.shipped() / path, notes=(f"Config '{reference}' taken from mmpretrain's own.",))
    message = f"There is no config file '{reference}'."
    raise InputError(message, hint="Check the path, or give a model name of mmpretrain such as resnet50_8xb32_in1k.")


def read_config(path: Path, options: Mapping[str, Any]) -> Any:
    """Read a config with mmengine and merge the user's `cfg_options` into it. Raises `InputError` if that fails."""
    from mmengine.config import Config

    try:
        config = Config.fromfile(str(path))
    except (Exception, SystemExit) as error:  # a config is Python code: anything can come out of it
        message = f"The config '{path}' cannot be read: {one_line(error)}"
        raise InputError(
            message, hint="Correct the config, or try it in Python: mmengine.Config.fromfile(...)."
        ) from error
    try:
        config.merge_from_dict(dict(options))
    except Exception as error:
        message = f"--cfg-options cannot be merged into '{path}': {one_line(error)}"
        raise InputError(message, hint="Write them as key=value, such as model.head.num_classes=10.") from error
    if not isinstance(config.get("model"), Mapping) or not config.model.get("type"):
        message = f"The config '{path}' describes no model: it has no `model` with a `type`."
        raise InputError(message, hint="Give the config that the model was trained with, not one of its bases.")
    return config


def without_downloads(settings: Any) -> Any:
    """The model's settings without anything that fetches weights while the model is built."""
    if isinstance(settings, Mapping):
        return {
            key: without_downloads(value)
            for key, value in settings.items()
            if key != "pretrained" and not (key == "init_cfg" and _is_pretrained(value))
        }
    if isinstance(settings, list | tuple):
        return type(settings)(without_downloads(each) for each in settings if not _is_pretrained(each))
    return settings


def _is_pretrained(value: Any) -> bool:
    return isinstance(value, Mapping) and str(value.get("type", "")).rpartition(".")[2] == "Pretrained"
