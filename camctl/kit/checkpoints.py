"""Read a checkpoint file without running code in it.

A checkpoint is a pickle, and a pickle can hold any code. torch's restricted reader is used with a short list of what
numpy, mmengine and timm store next to the weights; everything else is refused by name. Only weights and class names are
used, so all of that list are inert stand-ins: a real numpy array or dtype can be given a state that ends the process.
"""

from __future__ import annotations

import hashlib
import os
import pickletools
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from traceback import walk_tb
from typing import IO, TYPE_CHECKING, Any

from camctl.errors import CamctlError, Hint, InputError, one_line, out_of_memory
from camctl.kit.addresses import shown
from camctl.kit.class_names import as_names
from camctl.paths import check_file
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
_STORED = (
    "numpy.ndarray",
    "numpy.dtype",
    # numpy 2 moved these functions.
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    "mmengine.logging.history_buffer.HistoryBuffer",
    "argparse.Namespace",
)
"""Names of what libraries store next to the weights."""
_OLD_PICKLES = 5
"""Number of pickles in torch's older format, before the bytes of the tensors."""
_SUFFIXES = {".pth", ".pt", ".bin", ".safetensors"}
_ZIP, _HTML = b"PK\x03\x04", (b"<!do", b"<htm")
_CHUNK = 1 << 22
_LONGEST_NAME = 1000
"""Length of a global's name at which a pickle is refused: torch takes the square of it to write its error."""


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
        return Checkpoint(path=shown(self.named) or self.path.name, sha256=self.sha256)


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
    _check_file(file)
    with _reading(file), file.open("rb") as stream:
        start = stream.read(4)
    content = _safetensors(file, start) if file.suffix == ".safetensors" else _unpickle(file, start, trust=trust)
    state, versions = _state(content, file, nests)
    named, names = named or str(file), _class_names(content)
    # Last, as it takes the longest for a file that is large and no checkpoint.
    sha256 = file_hash(file)
    return Weights(path=file, sha256=sha256, state=state, versions=versions, named=named, class_names=names)


def file_hash(file: Path, *more: Path) -> str:
    """Compute the sha256 of a checkpoint file, or of several files' bytes in this order, in hexadecimal.

    Raises `InputError` for a file that is missing, empty, a folder, or not readable.
    """
    digest = hashlib.sha256()
    for path in (file, *more):
        _check_file(path)
        with _reading(path), path.open("rb") as stream:
            hashlib.file_digest(stream, lambda: digest)
    return digest.hexdigest()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Raise `InputError` for an `OSError` in the block."""
    try:
        yield
    except OSError as error:
        message = f"The checkpoint '{path}' cannot be read: {error.strerror or error}."
        raise InputError(message, hint="Check the file's permissions.") from error


def _check_file(file: Path) -> None:
    if os.path.isdir(file):  # noqa: PTH112 - it also answers for names that no system allows
        message = f"'{file}' is a folder, not a checkpoint file."
        with suppress(OSError):
            files = sorted(path.name for path in file.iterdir() if path.suffix in _SUFFIXES)
            if files:
                raise InputError(message, hint=f"Give a file in it, such as '{file / files[-1]}'.")
        raise InputError(message, hint="Give a .pth or .safetensors file.")
    check_file(
        file, "checkpoint file", hint=Hint("Check the path, or omit the checkpoint and use", random_weights=True)
    )
    if not file.stat().st_size:
        message = f"'{file}' is not a readable checkpoint: it is empty."
        raise InputError(message, hint="Copy or download it again.")


def _safetensors(file: Path, start: bytes) -> Any:
    try:
        from safetensors import safe_open
        from safetensors.torch import load
    except ImportError as error:
        message = f"'{file}' needs the package safetensors, which is not installed."
        raise InputError(message, hint="Install it with: pip install safetensors") from error
    try:
        # Not `load_file`, which maps the file: one that shrinks later would end the process.
        with safe_open(file, framework="pt"):
            """Its header fits its size: it is read only then."""
        return load(file.read_bytes())
    except Exception as error:
        raise _unreadable(file, start, error) from error


def _unpickle(file: Path, start: bytes, *, trust: bool) -> Any:
    import pickle
    import warnings

    import torch

    _check_pickles(file, start)
    with torch.serialization.safe_globals(_allowed()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old tensors are read through classes that torch itself deprecates
        try:
            # Not mapped: torch compares no sizes then, and a file that shrinks would end the process.
            return torch.load(file, map_location="cpu", weights_only=not trust, mmap=False)
        except Exception as error:
            if _is_ours(error):
                raise
            refused = _REFUSED.search(str(error))
            if trust or not isinstance(error, pickle.UnpicklingError) or not refused:
                raise _unreadable(file, start, error) from error
            message = (
                f"The checkpoint '{file}' was refused: it needs '{refused[1] or refused[2]}' to be run, "
                "and code in a checkpoint can do anything to this machine."
            )
            raise InputError(message, hint=TRUST) from error


def _is_ours(error: Exception) -> bool:
    """Whether an exception was raised in this file, not in a reader: an answer, or a bug."""
    *_, (frame, _) = walk_tb(error.__traceback__)
    return frame.f_globals.get("__name__") == __name__


def _check_pickles(file: Path, start: bytes) -> None:
    """Check the sums of an archive, which torch ignores, and the lengths of names in the pickles of either format."""
    try:
        if start == _ZIP:
            with zipfile.ZipFile(file) as archive:
                for record in archive.infolist():
                    with archive.open(record) as stream:
                        while record.CRC and stream.read(_CHUNK):  # torch can be told to write no sums
                            """Reading to the end compares the sum."""
                pickles = [name for name in archive.namelist() if name.endswith(".pkl")]
                longest = max((_longest_name(archive.open(name)) for name in pickles), default=0)
        else:
            with file.open("rb") as stream:
                longest = max(_longest_name(stream) for _ in range(_OLD_PICKLES))
    except Exception as error:
        if _is_ours(error):
            raise
        raise _unreadable(file, start, error) from error
    if longest > _LONGEST_NAME:
        message = f"The checkpoint '{file}' was refused: it needs something with a name of {longest} letters."
        raise InputError(message, hint="Get the file from its author again.")


def _longest_name(stream: IO[bytes]) -> int:
    """Length of the longest name of a global in a pickle, as far as it can be read: torch stops there as well."""
    longest = 0
    with suppress(Exception):
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in {"GLOBAL", "INST"}:
                longest = max(longest, len(str(argument)))
    return longest


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
    """Globals besides torch's own: what stands for numpy's numbers and arrays, options, and training logs."""
    return [*((_Inert, name) for name in _STORED), (_attribute, "builtins.getattr")]


class _Inert:
    """Stand-in for everything in `_STORED`, called with anything and given any state, of which it keeps nothing."""

    def __init__(self, *_arguments: object) -> None:
        """Drop the arguments."""

    def __setstate__(self, _state: object) -> None:
        """Drop the state."""


def _attribute(owner: object, name: str) -> str:
    """Stand-in for `getattr`, which HistoryBuffer uses for its `min`, `max` and `mean`; refuses any other use."""
    if owner is _Inert:
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
        parts = _mapping(content)
        content = next((parts[key] for key in nests if isinstance(parts.get(key), nest)), content)
    state = {str(key): value for key, value in _mapping(content).items() if isinstance(value, torch.Tensor)}
    if not state:
        message = f"There are no weights in '{file}'."
        raise InputError(message, hint="Give a checkpoint with a state dict, as training saves it.")
    versions = _mapping(getattr(content, "_metadata", None))
    versions = {key: value for key, value in versions.items() if isinstance(key, str) and _is_version(value)}
    while prefix := next((word for word in _WRAPPERS if all(key.startswith(word) for key in state)), None):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
        # The wrapped model's own key has no dot; the wrapper's version is not needed.
        versions = {f"{key}.".removeprefix(prefix)[:-1]: value for key, value in versions.items() if key}
    return state, versions or None


def _class_names(content: Any) -> tuple[str, ...] | None:
    """Class names of mmengine's `meta.dataset_meta.classes`, mmcls's `meta.CLASSES`, or a list next to the weights."""
    content = _mapping(content)
    meta = _mapping(content.get("meta"))
    dataset = _mapping(meta.get("dataset_meta"))
    candidates = (dataset.get("classes"), dataset.get("CLASSES"), meta.get("CLASSES"), *map(content.get, _NAMES))
    return next(filter(None, map(as_names, candidates)), None)


def _is_version(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("version"), int | None)


def _mapping(value: Any) -> dict[Any, Any]:
    """A mapping's items, whatever attributes of its own it has; empty for anything else."""
    return dict(dict.items(value)) if isinstance(value, dict) else dict(value) if isinstance(value, Mapping) else {}
