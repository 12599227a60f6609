"""Read a checkpoint file without running what is in it.

A checkpoint is a pickle, and a pickle can hold any code. torch's restricted reader is used with a short list of what
mmengine and numpy leave beside the weights; the rest is refused by name. Only the weights and the class names are
used, so training logs come back as inert stand-ins and nothing of mmengine is needed to read them.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

_UNSUPPORTED = re.compile(r"(?:Unsupported global: )?GLOBAL ([\w.]+) was not an allowed global")
_BLOCKED = re.compile(r"Trying to load unsupported GLOBAL ([\w.]+)")
_NESTS = ("state_dict", "model", "module", "net", "state_dict_ema")
_ZIP, _HTML = b"PK\x03\x04", (b"<!do", b"<htm")
_CHUNK = 1 << 22


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """What a checkpoint file holds for us. `sha256` is the file's, in hexadecimal."""

    path: Path
    sha256: str
    state: Mapping[str, Tensor] = field(repr=False)
    """Parameter and buffer names -> tensors on the CPU; without a `module.` that a parallel wrapper put before."""
    class_names: tuple[str, ...] | None


def read_checkpoint(path: str | Path, *, trust: bool = False) -> Weights:
    """Read the weights out of a file: a torch checkpoint of any nesting, or safetensors.

    `trust` reads the file with Python's own unpickler, which runs whatever code the file holds.
    Raises InputError for a file that is missing, broken, without weights, or that asks for code to be run.
    """
    file = Path(path)
    if not file.exists():
        message = f"There is no checkpoint file '{file}'."
        raise InputError(message, hint="Check the path, or leave the checkpoint out and add --random-weights.")
    if file.is_dir():
        message = f"'{file}' is a folder, not a checkpoint file."
        files = sorted(each.name for each in file.iterdir() if each.suffix in {".pth", ".pt", ".safetensors"})
        hint = f"Give a file in it, such as '{file / files[-1]}'." if files else "Give a .pth file."
        raise InputError(message, hint=hint)
    try:
        sha256, start = _hash(file)
    except OSError as error:
        message = f"The checkpoint '{file}' cannot be read: {error.strerror or error}."
        raise InputError(message, hint="Check the file's permissions.") from error
    if not start:
        message = f"The checkpoint '{file}' is empty."
        raise InputError(message, hint="Copy or download it again.")
    content = _safetensors(file) if file.suffix == ".safetensors" else _unpickle(file, start, trust=trust)
    return Weights(path=file, sha256=sha256, state=_state(content, file), class_names=_class_names(content))


def _hash(file: Path) -> tuple[str, bytes]:
    digest, start = hashlib.sha256(), b""
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            start = start or chunk[:4]
            digest.update(chunk)
    return digest.hexdigest(), start


def _safetensors(file: Path) -> Any:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        message = f"'{file}' needs the package safetensors, which is not installed."
        raise InputError(message, hint="Install it with: pip install safetensors") from error
    try:
        return load_file(file)
    except Exception as error:
        raise _broken(file, b"") from error


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
            raise _broken(file, start) from error
        message = (
            f"The checkpoint '{file}' was refused: it asks for '{name}' to be run, "
            "and a file that may do so can do anything to this machine."
        )
        raise InputError(message, hint="If you know who made it, add --trust-checkpoint.") from error
    except InputError:
        raise
    except ImportError as error:
        message = f"The checkpoint '{file}' needs code that is not here: {error}."
        raise InputError(
            message, hint="Install it, or save the state dict alone where the model was trained."
        ) from error
    except Exception as error:
        raise _broken(file, start) from error


def _offender(text: str) -> str | None:
    """The global that torch's restricted reader refused, or None where the file is no pickle at all."""
    for pattern in (_UNSUPPORTED, _BLOCKED):
        found = pattern.search(text)
        if found:
            return found[1]
    return None


def _broken(file: Path, start: bytes) -> InputError:
    message = f"'{file}' is not a readable checkpoint: it is cut short, damaged or another kind of file."
    if start.lower() in _HTML:
        message = f"'{file}' is a web page, not a checkpoint."
    return InputError(message, hint="Compare its size with the original, or copy or download it again.")


def _allowed() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """What else may stand in a checkpoint: numpy's numbers and arrays, and training logs, made inert."""
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


def _state(content: Any, file: Path) -> dict[str, Tensor]:
    """The weights, wherever they are nested. A moving average of them (EMA) is left aside where both are there."""
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
    if isinstance(content, torch.nn.Module):
        content = content.state_dict()
    state = {} if not isinstance(content, Mapping) else {
        str(key): value for key, value in content.items() if isinstance(value, torch.Tensor)
    }  # fmt: skip
    if not state:
        message = f"There are no weights in '{file}'."
        raise InputError(message, hint="Give a checkpoint with a state dict, as training saves it.")
    while all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state


def _class_names(content: Any) -> tuple[str, ...] | None:
    """From mmengine's `meta.dataset_meta.classes`, or `meta.CLASSES` as mmcls wrote it."""
    meta = content.get("meta") if isinstance(content, Mapping) else None
    if not isinstance(meta, Mapping):
        return None
    dataset = meta.get("dataset_meta")
    found = dataset.get("classes", dataset.get("CLASSES")) if isinstance(dataset, Mapping) else None
    return as_names(found if found is not None else meta.get("CLASSES"))


def as_names(found: Any) -> tuple[str, ...] | None:
    """A list of class names, or None where it is none."""
    if isinstance(found, list | tuple) and found and all(isinstance(each, str) for each in found):
        return tuple(found)
    return None
