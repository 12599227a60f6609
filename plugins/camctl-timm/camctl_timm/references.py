"""References after `timm:`, and the models that they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from camctl.errors import InputError, UnknownNameError, one_line
from camctl.kit.hub import hub_file

HUB, FOLDER = "hf-hub", "local-dir"
_SPELLINGS = {"hf-hub": HUB, "hf_hub": HUB, "local-dir": FOLDER, "local_dir": FOLDER}

_OFFLINE = "The model's config is needed: give a name of timm's and a checkpoint file, or timm:local-dir:FOLDER."


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The parts of a reference; nothing is looked up yet."""

    place: str
    """`hf-hub` or `local-dir`; empty for timm's own names."""
    name: str
    """`resnet50.a1_in1k`, `org/name@revision` or a folder."""
    checkpoint: str | None
    """Checkpoint after the `@` of one of timm's own names."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A model that timm can build."""

    architecture: str
    config: dict[str, Any]
    """timm's `pretrained_cfg`: input, preprocessing, classes, and where the weights are."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """Arguments of `timm.create_model`."""


def split(text: str) -> Reference:
    """Split a reference into its parts. Raises `InputError` if it is malformed."""
    place, colon, rest = text.partition(":")
    if colon and place.casefold() in _SPELLINGS:
        if not rest.strip():
            raise InputError(f"'timm:{text}' names no model.", hint=f"Write it as timm:{place}:org/name.")
        return Reference(place=_SPELLINGS[place.casefold()], name=rest, checkpoint=None)
    name, at, checkpoint = text.partition("@")
    if at and not checkpoint.strip():
        raise InputError(f"'timm:{text}' names no checkpoint after the @.", hint=f"Write timm:{name}, or a file.")
    return Reference(place="", name=name, checkpoint=checkpoint or None)


def hub_name(text: str) -> tuple[str, str | None]:
    """Split `org/name@revision` into name and revision."""
    name, _, revision = text.partition("@")
    return name, revision or None


def look_up(reference: Reference, progress: Callable[[str, int, int], None] | None = None) -> Found:
    """Look up the model of a reference; `progress` as in `LoadOptions`.

    Raises `UnknownNameError`, `InputError`, or `CamctlError` if a hub's model cannot be downloaded.
    """
    if reference.place == HUB:
        name, revision = hub_name(reference.name)
        file = hub_file(name, "config.json", revision=revision, progress=progress, hint=_OFFLINE)
        return _from_config(file, reference)
    if reference.place == FOLDER:
        folder = Path(reference.name).expanduser()
        if not (folder / "config.json").is_file():
            message = f"There is no 'config.json' in the folder '{folder}'."
            raise InputError(message, hint="Give a folder as timm or the hub saves it, or a name and a checkpoint.")
        return _from_config(folder / "config.json", reference)
    return _registered(reference.name)


def _registered(name: str) -> Found:
    import timm

    known = timm.list_models()
    architecture, dot, tag = name.casefold().partition(".")
    if architecture not in known:
        if "/" in name or "\\" in name:
            message = f"'{name}' is no name of timm's; it looks like a hub's model or a folder."
            raise InputError(message, hint=f"Write timm:hf-hub:{name} or timm:local-dir:{name}.")
        hint = 'List them with: python -c "import timm; print(*timm.list_models(), sep=chr(10))"'
        raise UnknownNameError("timm model", name, known, hint=hint)
    tags = {full.partition(".")[2].casefold(): full for full in timm.list_pretrained(f"{architecture}.*")}
    if dot and tag not in tags:
        hint = f"Choose from: {', '.join(sorted(tags))}." if tags else f"Write timm:{architecture}."
        raise UnknownNameError(f"weights of '{architecture}'", tag, tags, hint=hint)
    config = timm.get_pretrained_cfg(tags[tag] if dot else architecture, allow_unregistered=True)
    return Found(architecture=architecture, config=config.to_dict() if config else {})


def _from_config(path: Path, reference: Reference) -> Found:
    """Read the `config.json` of a hub's model or a folder."""
    import json

    import timm
    from timm.models._hub import load_model_config_from_path

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = isinstance(content, dict) and "architecture" in content
        config, architecture, arguments = load_model_config_from_path(path.parent) if known else ({}, "", {})
    except Exception as error:
        message = f"The config.json of '{reference.name}' cannot be read: {one_line(error)}"
        raise InputError(message, hint="Copy or download it again.") from error
    if not known:
        message = f"'{reference.name}' is no model of timm's: its config.json names no architecture."
        raise InputError(message, hint="Models of transformers have a source of their own: transformers:NAME.")
    if not timm.is_model(architecture):
        message = f"'{reference.name}' is a '{architecture}', which this version of timm ({timm.__version__}) lacks."
        raise InputError(message, hint="Try a newer one: pip install -U timm")
    return Found(architecture=architecture, config=dict(config), arguments=dict(arguments or {}))
