"""Read a checkpoint file without running code in it.

A checkpoint is a pickle, and a pickle can hold any code. torch's restricted reader is used with a short list of what
numpy, mmengine and timm store next to the weights; everything else is refused by name. Only weights and class names are
used, so training logs are read as inert stand-ins, without mmengine.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, Hint, InputError, one_line, out_of_memory
from camctl.plugin import Checkpoint

if TYPE_CHECKING:
    from torch import Tensor

NESTS = ("state_dict", "model", "model_state_dict", "module", "net", "state_dict_ema", "model_ema")
"""Keys under which weights are nested. A moving average (EMA) is ignored if the weights themselves are there."""

_REFUSED = re.compile(r"GLOBAL ([\w.]+) was not an allowed global|Trying to load unsupported GLOBAL ([\w.]+)")
"""The global that torch's restricted reader refused. Without one, the file is no pickle at all."""
_WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes that parallel wrappers and torch.compile add to every name."""
TRUST = Hint("If you know who made it, use", trust_checkpoint=True)
_NAMES = ("class_names", "classes", "categories")
_SUFFIXES = {".pth", ".pt", ".bin", ".safetensors"}
_ZIP, _HTML = b"PK\x03\x04", (b"<!do", b"<htm")


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """Contents of a checkpoint file. `sha256` is the file's, in hexadecimal."""

    path: Path
    sha256: str
    state: Mapping[str, Tensor] = field(repr=False)
    """Name of parameter or buffer, without a wrapper's prefix `module.` or `_orig_mod.` -> tensor on the CPU."""
    versions: Any = None
    """Module name -> {"version": int}, as torch keeps them in `state_dict()`; None if the file holds none."""
    named: str = ""
    """The user's name for the file: a path or an address."""
    class_names: tuple[str, ...] | None = None
    """Class names, if the file has them in mmengine's `meta` or under `class_names`, `classes` or `categories`."""

    @property
    def origin(self) -> Checkpoint:
        """Origin of the weights, for `LoadedModel.checkpoint`."""
        return Checkpoint(path=self.named or self.path.name, sha256=self.sha256)


def read_checkpoint(file: Path, *, trust: bool = False, nests: Sequence[str] = NESTS, named: str = "") -> Weights:
    """Read the weights of a torch checkpoint, however they are nested, or of a safetensors file.

    Parameters
    ----------
    trust
        Use Python's own unpickler, which runs any code in the file.
    nests
        Keys under which weights may be nested; at every depth the first one present is followed.
    named
        The user's name for the file, if it is not the path.

    Raises
    ------
    InputError
        The file is missing, damaged, without weights, or needs code to be run.
    CamctlError
        There is too little memory.
    """
    sha256 = file_hash(file)
    with file.open("rb") as stream:
        start = stream.read(4)
    content = _safetensors(file, start) if file.suffix == ".safetensors" else _unpickle(file, start, trust=trust)
    state, versions = _state(content, file, nests)
    named, names = named or str(file), _class_names(content)
    return Weights(path=file, sha256=sha256, state=state, versions=versions, named=named, class_names=names)


def file_hash(file: Path, *more: Path) -> str:
    """Compute the sha256 of a checkpoint file, or of several files' bytes in this order, in hexadecimal.

    Raises `InputError` for a file that is missing, empty, a folder, or not readable.
    """
    digest = hashlib.sha256()
    for path in (file, *more):
        _check_file(path)
        try:
            with path.open("rb") as stream:
                hashlib.file_digest(stream, lambda: digest)
        except OSError as error:
            message = f"The checkpoint '{path}' cannot be read: {error.strerror or error}."
            raise InputError(message, hint="Check the file's permissions.") from error
    return digest.hexdigest()


def as_names(value: Any) -> tuple[str, ...] | None:
    """Return a list of class names as a tuple, anything else as None."""
    if isinstance(value, list | tuple) and value and all(isinstance(name, str) for name in value):
        return tuple(value)
    return None


def _check_file(file: Path) -> None:
    if not file.exists():
        message = f"There is no checkpoint file '{file}'."
        raise InputError(message, hint=Hint("Check the path, or omit the checkpoint and use", random_weights=True))
    if file.is_dir():
        message = f"'{file}' is a folder, not a checkpoint file."
        files = sorted(path.name for path in file.iterdir() if path.suffix in _SUFFIXES)
        hint = f"Give a file in it, such as '{file / files[-1]}'." if files else "Give a .pth or .safetensors file."
        raise InputError(message, hint=hint)
    if not file.stat().st_size:
        message = f"'{file}' is not a readable checkpoint: it is empty."
        raise InputError(message, hint="Copy or download it again.")


def _safetensors(file: Path, start: bytes) -> Any:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        message = f"'{file}' needs the package safetensors, which is not installed."
        raise InputError(message, hint="Install it with: pip install safetensors") from error
    try:
        return load_file(file)
    except Exception as error:
        raise _unreadable(file, start, error) from error


def _unpickle(file: Path, start: bytes, *, trust: bool) -> Any:
    import pickle
    import warnings

    import torch

    # Only the newer of torch's two formats can be mapped, and only whole archives: a cut one would end the process.
    mapped = start == _ZIP and zipfile.is_zipfile(file)
    with torch.serialization.safe_globals(_allowed()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old tensors are read through classes that torch itself deprecates
        try:
            return torch.load(file, map_location="cpu", weights_only=not trust, mmap=mapped)
        except Exception as error:
            *_, (frame, _) = walk_tb(error.__traceback__)
            if frame.f_globals.get("__name__") == __name__:  # not the reader's: an answer of ours, or a bug
                raise
            refused = _REFUSED.search(str(error))
            if trust or not isinstance(error, pickle.UnpicklingError) or not refused:
                raise _unreadable(file, start, error) from error
            message = (
                f"The checkpoint '{file}' was refused: it needs '{refused[1] or refused[2]}' to be run, "
                "and code in a checkpoint can do anything to this machine."
            )
            raise InputError(message, hint=TRUST) from error


def _unreadable(file: Path, start: bytes, error: Exception) -> CamctlError:
    """The error for a file that its reader failed on."""
    if out_of_memory(error):
        message = f"There is too little memory for '{file}'."
        return CamctlError(message, hint="Close other programs, or use a smaller checkpoint.")
    if isinstance(error, ImportError):
        message = f"The checkpoint '{file}' needs code that is not installed: {one_line(error)}."
        return InputError(message, hint="Install it, or save only the state dict where the model was trained.")
    what = "is a web page" if start.lower() in _HTML else "is truncated, damaged or another kind of file"
    message = f"'{file}' is not a readable checkpoint: it {what}."
    return InputError(message, hint="Compare its size with the original, or copy or download it again.")


def _allowed() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Globals besides torch's own: numpy's numbers and arrays, options, and inert training logs."""
    import argparse

    import numpy as np

    # numpy 2 moved these functions; every numpy reads files of every numpy.
    functions: dict[str, Any] = {"_reconstruct": np.empty(0).__reduce__()[0], "scalar": np.float64(0).__reduce__()[0]}
    return [
        np.ndarray,
        np.dtype,
        *{type(np.dtype(code)) for code in "?bBhHiIlLqQefdgFDSUOMm"},
        *((function, f"numpy.{core}.multiarray.{name}")
          for core in ("core", "_core") for name, function in functions.items()),
        (_TrainingLog, "mmengine.logging.history_buffer.HistoryBuffer"),
        (argparse.Namespace, "argparse.Namespace"),
        (_log_statistic, "builtins.getattr"),
    ]  # fmt: skip


class _TrainingLog:
    """Inert stand-in for mmengine's HistoryBuffer."""

    def __setstate__(self, state: object) -> None:
        """Drop the numbers."""


def _log_statistic(owner: object, name: str) -> str:
    """Stand-in for `getattr`, which HistoryBuffer uses for its `min`, `max` and `mean`; refuses any other use."""
    if owner is _TrainingLog:
        return name
    message = f"The checkpoint was refused: it needs the attribute '{name}' of something that is no training log."
    raise InputError(message, hint=TRUST)


def _state(content: Any, file: Path, nests: Sequence[str]) -> tuple[dict[str, Tensor], Any]:
    """The weights, however they are nested, and the version numbers that torch keeps of modules."""
    import torch

    nest = torch.nn.Module, Mapping
    for _ in range(len(nests) + 1):
        if isinstance(content, torch.nn.Module):  # a whole model, which needs `trust`
            content = content.state_dict()
        if isinstance(content, Mapping):
            content = next((content[key] for key in nests if isinstance(content.get(key), nest)), content)
    items = content.items() if isinstance(content, Mapping) else ()
    state = {str(key): value for key, value in items if isinstance(value, torch.Tensor)}
    if not state:
        message = f"There are no weights in '{file}'."
        raise InputError(message, hint="Give a checkpoint with a state dict, as training saves it.")
    versions = getattr(content, "_metadata", None)
    while prefix := next((word for word in _WRAPPERS if all(key.startswith(word) for key in state)), None):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
        if isinstance(versions, Mapping):
            # The wrapped model's own key has no dot; the wrapper's version is not needed.
            versions = {f"{key}.".removeprefix(prefix)[:-1]: value for key, value in versions.items() if key}
    return state, versions


def _class_names(content: Any) -> tuple[str, ...] | None:
    """Class names of mmengine's `meta.dataset_meta.classes`, mmcls's `meta.CLASSES`, or a list next to the weights."""
    content = _mapping(content)
    meta = _mapping(content.get("meta"))
    dataset = _mapping(meta.get("dataset_meta"))
    candidates = (dataset.get("classes"), dataset.get("CLASSES"), meta.get("CLASSES"), *map(content.get, _NAMES))
    return next(filter(None, map(as_names, candidates)), None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
