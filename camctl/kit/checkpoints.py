"""Read a checkpoint file without running what is in it.

A checkpoint is a pickle, and a pickle can hold any code. torch's restricted reader is used with a short list of what
numpy, mmengine and timm leave beside the weights; the rest is refused by name. Only the weights and the class names are
used, so training logs come back as inert stand-ins and nothing of mmengine is needed to read them.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError, one_line, out_of_memory

if TYPE_CHECKING:
    from torch import Tensor

NESTS = ("state_dict", "model", "model_state_dict", "module", "net", "state_dict_ema", "model_ema")
"""Keys that weights are looked for under. A moving average of them (EMA) is left aside where both are there."""

_UNSUPPORTED = re.compile(r"(?:Unsupported global: )?GLOBAL ([\w.]+) was not an allowed global")
_BLOCKED = re.compile(r"Trying to load unsupported GLOBAL ([\w.]+)")
_WRAPPERS = ("module.", "_orig_mod.")
"""What parallel wrappers and torch.compile put before every name."""
_NAMES = ("class_names", "classes", "categories")
_SUFFIXES = {".pth", ".pt", ".bin", ".safetensors"}
_ZIP, _HTML = b"PK\x03\x04", (b"<!do", b"<htm")
_CHUNK = 1 << 22


class State(dict[str, "Tensor"]):
    """Names of parameters and buffers -> tensors on the CPU, with the version numbers that torch keeps beside them."""

    _metadata: Any  # torch reads this very name in `load_state_dict`

    def __init__(
        self, items: Mapping[str, Tensor] | Iterable[tuple[str, Tensor]] = (), *, versions: Any = None
    ) -> None:
        super().__init__(items)
        self._metadata = versions

    @property
    def versions(self) -> Any:
        """Module name -> {"version": int}, as `state_dict()` gives it; None where the file holds none."""
        return self._metadata


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """What a checkpoint file holds for a source. `sha256` is the file's, in hexadecimal."""

    path: Path
    sha256: str
    state: State = field(repr=False)
    """Without the `module.` or `_orig_mod.` that a wrapper put before all names."""
    class_names: tuple[str, ...] | None = None
    """Where the file says them, as mmengine does (`meta`) or under `class_names`, `classes` or `categories`."""


def read_checkpoint(path: str | Path, *, trust: bool = False, nests: Sequence[str] = NESTS) -> Weights:
    """Read the weights out of a file: a torch checkpoint of any nesting, or safetensors.

    `trust` reads the file with Python's own unpickler, which runs whatever code the file holds. `nests` are the keys to
    look for weights under, the first that is there is taken, at every depth.
    Raises InputError for a file that is missing, broken, without weights, or that asks for code to be run, and
    CamctlError where there is too little memory.
    """
    file = Path(path)
    sha256 = file_hash(file)
    with file.open("rb") as stream:
        start = stream.read(4)
    content = _safetensors(file, start) if file.suffix == ".safetensors" else _unpickle(file, start, trust=trust)
    return Weights(path=file, sha256=sha256, state=_state(content, file, nests), class_names=_class_names(content))


def file_hash(file: Path, *more: Path) -> str:
    """The sha256 of a checkpoint file, in hexadecimal; of several, that of all their bytes in this order.

    Raises InputError for a file that is missing, empty, a folder, or that may not be read.
    """
    digest = hashlib.sha256()
    for each in (file, *more):
        _check_file(each)
        try:
            with each.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            message = f"The checkpoint '{each}' cannot be read: {error.strerror or error}."
            raise InputError(message, hint="Check the file's permissions.") from error
    return digest.hexdigest()


def as_names(found: Any) -> tuple[str, ...] | None:
    """A list of class names, or None where it is none."""
    if isinstance(found, list | tuple) and found and all(isinstance(each, str) for each in found):
        return tuple(found)
    return None


def _check_file(file: Path) -> None:
    if not file.exists():
        message = f"There is no checkpoint file '{file}'."
        raise InputError(message, hint="Check the path, or leave the checkpoint out and add --random-weights.")
    if file.is_dir():
        message = f"'{file}' is a folder, not a checkpoint file."
        files = sorted(each.name for each in file.iterdir() if each.suffix in _SUFFIXES)
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
        raise _broken(file, start, error) from error


def _unpickle(file: Path, start: bytes, *, trust: bool) -> Any:
    import pickle
    import warnings

    import torch

    # Only the newer of torch's two formats can be mapped, and only whole archives: a cut one would end the process.
    mapped = start == _ZIP and zipfile.is_zipfile(file)
    try:
        with torch.serialization.safe_globals(_allowed()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old tensors are read through classes that torch itself deprecates
            return torch.load(file, map_location="cpu", weights_only=not trust, mmap=mapped)
    except pickle.UnpicklingError as error:
        name = _offender(str(error))
        if trust or name is None:
            raise _broken(file, start, error) from error
        message = (
            f"The checkpoint '{file}' was refused: it asks for '{name}' to be run, "
            "and a file that may do so can do anything to this machine."
        )
        raise InputError(message, hint="If you know who made it, add --trust-checkpoint.") from error
    except InputError:
        raise
    except Exception as error:
        raise _broken(file, start, error) from error


def _offender(text: str) -> str | None:
    """The global that torch's restricted reader refused, or None where the file is no pickle at all."""
    for pattern in (_UNSUPPORTED, _BLOCKED):
        found = pattern.search(text)
        if found:
            return found[1]
    return None


def _broken(file: Path, start: bytes, error: Exception) -> CamctlError:
    if out_of_memory(error):
        message = f"There is too little memory for '{file}'."
        return CamctlError(message, hint="Close other programs, or use a smaller checkpoint.")
    if isinstance(error, ImportError):
        message = f"The checkpoint '{file}' needs code that is not here: {one_line(error)}."
        return InputError(message, hint="Install it, or save the state dict alone where the model was trained.")
    what = "is a web page" if start.lower() in _HTML else "is cut short, damaged or another kind of file"
    message = f"'{file}' is not a readable checkpoint: it {what}."
    return InputError(message, hint="Compare its size with the original, or copy or download it again.")


def _allowed() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """What else may stand in a checkpoint: numpy's numbers and arrays, options, and training logs, made inert."""
    import argparse

    import numpy as np

    multiarray = np._core.multiarray if hasattr(np, "_core") else np.core.multiarray  # type: ignore[attr-defined] # noqa: SLF001
    kinds = {type(np.dtype(code)) for code in "?bBhHiIlLqQefdgFDSUOMm"}
    return [
        np.ndarray,
        np.dtype,
        *kinds,
        # numpy 2 moved these; files of both ages are read by numpy of both ages.
        *((getattr(multiarray, name), f"numpy.{core}.multiarray.{name}")
          for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
        (_TrainingLog, "mmengine.logging.history_buffer.HistoryBuffer"),
        (argparse.Namespace, "argparse.Namespace"),
        (_log_statistic, "builtins.getattr"),
    ]  # fmt: skip


class _TrainingLog:
    """Stands for mmengine's HistoryBuffer and keeps nothing."""

    def __setstate__(self, state: object) -> None:
        """Drop the numbers: nothing here shows a training curve."""


def _log_statistic(owner: object, name: str) -> str:
    """Stands for `getattr`, by which HistoryBuffer names its own `min`, `max`, `mean`; of anything else, refused."""
    if owner is _TrainingLog:
        return name
    message = f"The checkpoint was refused: it asks for the attribute '{name}' of something that is no training log."
    raise InputError(message, hint="If you know who made it, add --trust-checkpoint.")


def _state(content: Any, file: Path, nests: Sequence[str]) -> State:
    """The weights, wherever they are nested, with the version numbers that torch keeps beside them."""
    import torch

    for _ in range(len(nests)):
        if isinstance(content, torch.nn.Module):  # a whole model, which only --trust-checkpoint lets in
            content = content.state_dict()
        if not isinstance(content, Mapping):
            break
        inner = next((content[key] for key in nests if isinstance(content.get(key), Mapping | torch.nn.Module)), None)
        if inner is None:
            break
        content = inner
    if isinstance(content, torch.nn.Module):
        content = content.state_dict()
    found = content.items() if isinstance(content, Mapping) else ()
    state = {str(key): value for key, value in found if isinstance(value, torch.Tensor)}
    if not state:
        message = f"There are no weights in '{file}'."
        raise InputError(message, hint="Give a checkpoint with a state dict, as training saves it.")
    versions = getattr(content, "_metadata", None)
    while prefix := next((each for each in _WRAPPERS if all(key.startswith(each) for key in state)), None):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
        if isinstance(versions, Mapping):
            # The wrapped model itself stands there without the dot; the wrapper's own version is of no use.
            versions = {f"{key}.".removeprefix(prefix)[:-1]: value for key, value in versions.items() if key}
    return State(state, versions=versions)


def _class_names(content: Any) -> tuple[str, ...] | None:
    """From mmengine's `meta.dataset_meta.classes`, `meta.CLASSES` as mmcls wrote it, or a list beside the weights."""
    if not isinstance(content, Mapping):
        return None
    meta = content.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    dataset = meta.get("dataset_meta")
    dataset = dataset if isinstance(dataset, Mapping) else {}
    candidates = (dataset.get("classes"), dataset.get("CLASSES"), meta.get("CLASSES"), *map(content.get, _NAMES))
    return next((names for names in map(as_names, candidates) if names is not None), None)
