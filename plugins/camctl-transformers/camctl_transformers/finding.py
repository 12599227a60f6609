"""From the user's reference to a configuration: of a local folder, a hub's model, or a family's default."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from camctl.errors import CamctlError, Hint, InputError, UnknownNameError, one_line
from camctl.kit import quiet as silence
from camctl.kit.file_kinds import adapter_words, folder_kind
from camctl.kit.hub import hub_file
from camctl_transformers.tasks import OUTPUTS, classes_of, names_of

CLASSES = {"classification": 1000, "detection": 91, "segmentation": 150, "masks": 150}
"""Task -> number of classes of a family's default configuration: ImageNet's, COCO's, ADE20K's."""

_ADAPTERS = ("adapter_model.safetensors", "adapter_model.bin")
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A model's configuration, and the location of its files."""

    name: str
    """A folder or a name on the hub; empty for a family's default configuration."""
    config: Any
    revision: str | None = None
    """A branch, a tag or a commit on the hub; None for the main branch and for folders."""
    adapter: Path | None = None
    """File of an adapter of PEFT for this model."""

    @property
    def at(self) -> dict[str, str]:
        """Keywords of `from_pretrained` besides the name."""
        return _at(self.revision)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence progress bars, advice and warnings of transformers inside the block."""
    from transformers.utils import logging as words

    level, bars = words.get_verbosity(), words.is_progress_bar_enabled()
    words.set_verbosity(logging.CRITICAL)
    words.disable_progress_bar()
    try:
        with silence.quiet():
            yield
    finally:
        words.set_verbosity(level)
        if bars:
            words.enable_progress_bar()


def find(reference: str, *, random_weights: bool) -> Found:
    """Find the configuration that a reference names.

    Raises `InputError` for what the user can correct, `CamctlError` if the hub cannot be reached.
    """
    text = reference.strip()
    folder = Path(text).expanduser()
    if text and folder.is_dir():
        if not (folder / "config.json").is_file():
            if (folder / "adapter_config.json").is_file():
                return _adapted(folder, text, random_weights=random_weights)
            what, hint = folder_kind(folder) or ("holds no model of transformers: there is no config.json", None)
            raise InputError(f"'{text}' {what}.", hint=hint or "Give a folder made by save_pretrained.")
        return Found(name=str(folder), config=_read(str(folder), text))
    if folder.is_file() or text.startswith((".", "/", "~")) or text.count("/") > 1 or not text:
        message = f"There is no folder '{text}'." if not folder.is_file() else f"'{text}' is a file, not a folder."
        raise InputError(
            message, hint="Give a folder made by save_pretrained, or a name such as google/vit-base-patch16-224."
        )
    families = families_known()
    name, at, revision = text.partition("@")
    if at and not (name and revision):
        raise InputError(f"'{text}' names no revision.", hint="Write NAME@REVISION, or only the name.")
    if not _NAME.fullmatch(name):
        raise UnknownNameError("transformers model, folder or family", name, families)
    if text in families:
        if random_weights:
            return Found(name="", config=_default(text))
        message = f"'{text}' is a family of models, which has no weights of its own."
        raise InputError(message, hint=Hint("Name a model or a folder, or try the family with", random_weights=True))
    config = _cached(name, revision or None)
    if config is None:
        _fetch(name, revision or None, families)
        config = _read(name, text, revision or None)
    return Found(name=name, config=config, revision=revision or None)


def _adapted(folder: Path, text: str, *, random_weights: bool) -> Found:
    """The model that an adapter's folder adapts, if it is plain LoRA and the model is on this machine or the hub."""
    what, hint = adapter_words(folder)
    message = f"'{text}' {what}."
    file = next((path for name in _ADAPTERS if (path := folder / name).is_file()), None)
    try:
        settings = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        kind, base = settings.get("peft_type"), settings.get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(message, hint=hint) from error
    if kind != "LORA" or not isinstance(base, str) or file is None or base == text:
        raise InputError(message, hint=hint)
    try:
        return replace(find(base, random_weights=random_weights), adapter=file)
    except CamctlError as error:
        hint = f"Put that model into the hub's cache, or into the folder '{base}'. Or: {hint[0].lower()}{hint[1:]}"
        raise InputError(message, hint=hint) from error


def families_known(*tasks: str) -> list[str]:
    """Model types with a class for one of these tasks, by default any, as named in configurations."""
    return names_of(*(tasks or OUTPUTS))


def _default(family: str) -> Any:
    from transformers import AutoConfig

    with quiet():
        config = AutoConfig.for_model(family)
    if config.num_labels < 3:  # noqa: PLR2004 - transformers' default of two classes
        tasks = classes_of(config)
        config.num_labels = next((count for task, count in CLASSES.items() if task in tasks), 2)
    return config


def _at(revision: str | None) -> dict[str, str]:
    return {} if revision is None else {"revision": revision}


def _cached(name: str, revision: str | None) -> Any | None:
    from transformers import AutoConfig

    try:
        with quiet():
            return AutoConfig.from_pretrained(name, local_files_only=True, trust_remote_code=False, **_at(revision))
    except (OSError, ValueError):
        return None


def _read(name: str, text: str, revision: str | None = None) -> Any:
    from transformers import AutoConfig

    try:
        with quiet():
            return AutoConfig.from_pretrained(name, trust_remote_code=False, **_at(revision))
    except Exception as error:
        if "trust_remote_code" in str(error):
            message = f"'{text}' contains code of its own, which camctl does not run."
            raise InputError(
                message, hint="Load it in Python and explain the module: camctl.explain(module, picture)."
            ) from error
        message = f"The configuration of '{text}' cannot be read: {one_line(error)}"
        raise InputError(message, hint="Save the model again with save_pretrained, or update transformers.") from error


def _fetch(name: str, revision: str | None, families: list[str]) -> None:
    """Fetch the configuration into the hub's cache.

    Raises `InputError` if the hub has no such model or revision, `CamctlError` if it cannot be reached.
    """
    text = f"Give a folder made by save_pretrained, or try the family transformers:{_family(name, families)}"
    hint = Hint(text, random_weights=True)
    try:
        hub_file(name, "config.json", revision=revision, hint=hint)
    except CamctlError as error:
        if "/" not in name:
            raise UnknownNameError("transformers model, folder or family", name, families, hint=hint) from error
        raise


def _family(name: str, families: list[str]) -> str:
    """The family that a model's name begins with, or contains; `vit` by default."""
    plain = name.rpartition("/")[2].lower().replace("_", "-")
    places = {family: plain.find(family.replace("_", "-")) for family in families}
    inside = [family for family, place in places.items() if place >= 0]
    return min(inside, key=lambda family: (places[family], -len(family)), default="vit")
