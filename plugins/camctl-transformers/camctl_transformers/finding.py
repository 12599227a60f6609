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

_TIMEOUT = 10.0
_MISSING = 404
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
        _reach(name, revision, families)
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


def _reach(name: str, revision: str | None, families: list[str]) -> None:
    """Say within seconds that the hub is out of reach, or that it has no such model or revision."""
    import os
    from urllib.error import HTTPError, URLError
    from urllib.parse import quote
    from urllib.request import Request, urlopen

    from huggingface_hub import constants

    hint = f"Give a folder made by save_pretrained, or try the family: {_try(name, families)}"
    if constants.HF_HUB_OFFLINE or os.environ.get("TRANSFORMERS_OFFLINE"):
        raise CamctlError(f"'{name}' is not in the cache, and downloads are switched off.", hint=hint)
    address = f"{constants.ENDPOINT}/{name}/resolve/{quote(revision or 'main', safe='')}/config.json"
    try:
        with urlopen(Request(address, method="HEAD"), timeout=_TIMEOUT):  # noqa: S310 - the library's own address
            return
    except HTTPError as error:
        error.close()
        lacking = error.headers.get("X-Error-Code")
        if lacking == "RevisionNotFound":
            message = f"The hub's '{name}' has no revision '{revision or 'main'}'."
            raise InputError(message, hint="Give a branch, a tag or a commit behind the @, or nothing.") from error
        if lacking == "EntryNotFound":
            message = f"The hub's '{name}' is no model of transformers: it has no config.json."
            raise InputError(message, hint="Models of timm have a source of their own: timm:hf-hub:NAME.") from error
        if error.code in {_MISSING, 401, 403}:
            hint = f"Check the spelling, give a folder made by save_pretrained, or try: {_try(name, families)}"
            if "/" not in name:
                raise UnknownNameError("transformers model, folder or family", name, families, hint=hint) from error
            message = f"There is no public model '{name}'."
            raise InputError(message, hint=hint) from error
    except (URLError, TimeoutError, OSError) as error:
        if "/" not in name:
            from difflib import get_close_matches

            if get_close_matches(name.casefold(), families, n=1):
                raise UnknownNameError("transformers model here", name, families, hint=hint) from error
        reason = " ".join(str(getattr(error, "reason", "") or error).split())
        message = f"'{name}' is not here and could not be fetched: {reason}."
        raise CamctlError(message, hint=hint) from error


def _try(name: str, families: list[str]) -> str:
    """The command that needs no download, for the family that the name sounds like."""
    plain = name.lower().replace("_", "-")
    named = [family for family in families if family.replace("_", "-") in plain]
    return f"transformers:{max(named, key=len, default='vit')} --random-weights"
