"""From what the user typed to a configuration: a local folder, a name of the hub, or a family's default."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from camctl.errors import CamctlError, InputError, UnknownNameError, one_line
from camctl.kit import quiet as silence
from camctl.kit.hub import hub_file

_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A model's configuration, and where its files are."""

    name: str
    """What transformers is asked for: a folder, a name of the hub; empty for a family's default configuration."""
    config: Any
    revision: str | None = None
    """A branch, a tag or a commit of the hub's; None for its main one and for folders."""

    @property
    def at(self) -> dict[str, str]:
        """What every `from_pretrained` is told beside the name."""
        return _at(self.revision)


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars, no advice and no complaints of transformers inside; as before outside."""
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
    """The configuration that a reference names.

    Raises `InputError` for what the user can mend, `CamctlError` where the hub cannot be reached.
    """
    text = reference.strip()
    folder = Path(text).expanduser()
    if text and folder.is_dir():
        if not (folder / "config.json").is_file():
            message = f"'{text}' holds no model of transformers: there is no config.json."
            raise InputError(message, hint="Give a folder made by save_pretrained.")
        return Found(name=str(folder), config=_read(str(folder), text))
    if folder.is_file() or text.startswith((".", "/", "~")) or text.count("/") > 1 or not text:
        message = f"There is no folder '{text}'." if not folder.is_file() else f"'{text}' is a file, not a folder."
        raise InputError(
            message, hint="Give a folder made by save_pretrained, or a name such as google/vit-base-patch16-224."
        )
    families = families_known()
    name, at, behind = text.partition("@")
    if at and not (name and behind):
        raise InputError(f"'{text}' names no revision.", hint="Write NAME@REVISION, or the name alone.")
    revision = behind or None
    if not _NAME.fullmatch(name):
        raise UnknownNameError("transformers model, folder or family", name, families)
    if text in families:
        if random_weights:
            return Found(name="", config=_default(text))
        message = f"'{text}' is a family of models, and has no weights of its own."
        raise InputError(message, hint=f"Name a model or a folder, or try it: transformers:{text} --random-weights")
    config = _cached(name, revision)
    if config is None:
        _fetch(name, revision, families)
        config = _read(name, text, revision)
    return Found(name=name, config=config, revision=revision)


def families_known() -> list[str]:
    """Model types that can be explained, as configurations name them."""
    from transformers.models.auto import modeling_auto as auto

    names = auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES
    return sorted(set(names) - {"shieldgemma2", "timm_wrapper"})


def _default(family: str) -> Any:
    from transformers import AutoConfig

    with quiet():
        config = AutoConfig.for_model(family)
    if config.num_labels < 3:  # noqa: PLR2004 - transformers' own default of two says nothing
        config.num_labels = 1000
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
        words = str(error)
        if "trust_remote_code" in words:
            message = f"'{text}' brings code of its own, which camctl does not run."
            raise InputError(
                message, hint="Load it in Python and explain the module: camctl.explain(module, picture)."
            ) from error
        message = f"The configuration of '{text}' cannot be read: {one_line(error)}"
        raise InputError(message, hint="Save the model again with save_pretrained, or update transformers.") from error


def _fetch(name: str, revision: str | None, families: list[str]) -> None:
    """Fetch the configuration into the hub's cache.

    Raises `InputError` if the hub has no such model or revision, `CamctlError` if it cannot be reached.
    """
    hint = f"Give a folder made by save_pretrained, or try the family: {_try(name, families)}"
    try:
        hub_file(name, "config.json", revision=revision, hint=hint)
    except CamctlError as error:
        if "/" not in name:
            raise UnknownNameError("transformers model, folder or family", name, families, hint=hint) from error
        raise


def _try(name: str, families: list[str]) -> str:
    """The command that needs no download, for the family that the name sounds like."""
    plain = name.lower().replace("_", "-")
    named = [family for family in families if family.replace("_", "-") in plain]
    return f"transformers:{max(named, key=len, default='vit')} --random-weights"
