"""Read weights out of a file without running what is in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError, one_line, out_of_memory

if TYPE_CHECKING:
    from torch import Tensor

_NESTS = ("state_dict", "model", "model_state_dict", "module", "net", "model_ema")
_NAMES = ("class_names", "classes", "categories")
_REFUSED = re.compile(r"GLOBAL ([\w.]+)")
_CHUNK = 1 << 22


class State(dict[str, "Tensor"]):
    """A state dict that can carry torch's `_metadata`."""

    _metadata: Any = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """What a file holds. `sha256` is the file's, in hexadecimal."""

    path: Path
    sha256: str
    state: State = field(repr=False)
    class_names: tuple[str, ...] | None = None
    """Where the file says them, under `class_names`, `classes` or `categories`."""


def read(path: Path, *, trust: bool) -> Weights:
    """Weights out of a safetensors or torch file of any nesting.

    `trust` lets the file run code while it is read. Raises `InputError` for a file that is missing, broken, without
    weights, or that asks for code to be run.
    """
    if not path.is_file():
        what = f"'{path}' is a folder, not a checkpoint file." if path.exists() else f"There is no file '{path}'."
        raise InputError(what, hint="Give a .pth or .safetensors file, or leave it out and add --random-weights.")
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        message = f"The checkpoint '{path}' cannot be read: {error.strerror or error}."
        raise InputError(message, hint="Check the file's permissions.") from error
    content = _safetensors(path) if path.suffix == ".safetensors" else _unpickle(path, trust=trust)
    return Weights(path=path, sha256=sha256, state=_state(content, path), class_names=_class_names(content))


def _safetensors(path: Path) -> Any:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        message = f"'{path}' needs the package safetensors, which is not installed."
        raise InputError(message, hint="Install it with: pip install safetensors") from error
    try:
        return load_file(path)
    except Exception as error:
        raise _broken(path, error) from error


def _unpickle(path: Path, *, trust: bool) -> Any:
    import pickle
    import warnings

    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old tensors are read through classes that torch itself deprecates
            return torch.load(path, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        asked = _REFUSED.search(str(error))
        if trust or asked is None:
            raise _broken(path, error) from error
        message = (
            f"The checkpoint '{path}' was refused: it asks for '{asked[1]}' to be run, "
            "and a file that may do so can do anything to this machine."
        )
        raise InputError(message, hint="If you know who made it, add --trust-checkpoint.") from error
    except Exception as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> CamctlError:
    if out_of_memory(error):
        return CamctlError(
            f"There is too little memory for '{path}'.", hint="Close other programs, or use a smaller one."
        )
    if isinstance(error, ImportError):
        message = f"The checkpoint '{path}' needs code that is not here: {one_line(error)}."
        return InputError(message, hint="Save the state dict alone where the model was trained.")
    message = f"'{path}' is not a readable checkpoint: it is cut short, damaged or another kind of file."
    return InputError(message, hint="Compare its size with the original, or copy or download it again.")


def _state(content: Any, path: Path) -> State:
    """The weights, wherever they are nested; with the version numbers that torch keeps beside them."""
    import torch

    for _ in range(len(_NESTS)):
        if isinstance(content, torch.nn.Module):  # a whole model, which only --trust-checkpoint lets in
            content = content.state_dict()
        if not isinstance(content, Mapping):
            break
        inner = next((content[key] for key in _NESTS if isinstance(content.get(key), Mapping | torch.nn.Module)), None)
        if inner is None:
            break
        content = inner
    found = content.items() if isinstance(content, Mapping) else ()
    state = {str(key): value for key, value in found if isinstance(value, torch.Tensor)}
    if not state:
        raise InputError(f"There are no weights in '{path}'.", hint="Give a file with a state dict in it.")
    while all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    kept = State(state)
    kept._metadata = getattr(content, "_metadata", None)  # noqa: SLF001 - MNASNet reads its version there
    return kept


def _class_names(content: Any) -> tuple[str, ...] | None:
    if not isinstance(content, Mapping):
        return None
    for key in _NAMES:
        names = content.get(key)
        if isinstance(names, list | tuple) and names and all(isinstance(name, str) for name in names):
            return tuple(names)
    return None
