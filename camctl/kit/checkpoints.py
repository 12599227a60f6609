"""Read a checkpoint file without running code in it, and say what kind of file it is if it holds no weights."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError, one_line
from camctl.kit import pickles
from camctl.kit.addresses import shown
from camctl.kit.class_names import has_arrays, names_in
from camctl.kit.file_kinds import START, check_kind, folder_kind, is_text, not_weights
from camctl.kit.lora import merged
from camctl.kit.state_dicts import find_state
from camctl.paths import alike, check_file
from camctl.plugin import Checkpoint

if TYPE_CHECKING:
    from torch import Tensor

NAMED = "The class names are those in the checkpoint."
"""Note on a model whose classes are named by its checkpoint."""
OWN_NAMES = "The class names are those of the module; the checkpoint has others, which are used if it has none."
"""Note on a module that names its classes in another way than its checkpoint."""

_SUFFIXES = {".pth", ".pt", ".bin", ".ckpt", ".safetensors"}
_QUANTISED = ("_packed_params", ".SCB", ".absmax", ".qweight", ".quant_state")
"""Parts of the names of quantised weights: of torch.ao, bitsandbytes and GPTQ."""


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
    """Class names, if the file has them, in any of the forms in which people keep them."""
    notes: tuple[str, ...] = ()
    """Remarks on what was taken of the file, one line each."""

    def naming(self, names: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return a note if a model's class names are those of this file; none otherwise."""
        return (NAMED,) if names and names == self.class_names else ()

    @property
    def origin(self) -> Checkpoint:
        """Origin of the weights, for `LoadedModel.checkpoint`."""
        return Checkpoint(path=shown(self.named) or self.path.name, sha256=self.sha256)


def read_checkpoint(
    file: Path,
    *,
    trust: bool = False,
    choice: str | None = None,
    usual: str = "plain",
    named: str = "",
    base: Mapping[str, Tensor] | None = None,
) -> Weights:
    """Read the weights of a torch checkpoint, however they are nested, or of a safetensors file or its index.

    Parameters
    ----------
    trust
        Use Python's own unpickler, which runs any code in the file.
    choice
        `ema` for averaged weights, `plain` for the others, or the key under which the weights lie.
    usual
        Which of the two are taken without a choice, if the file holds both.
    named
        The user's name for the file, if it is not the path.
    base
        Weights of the model that the file, an adapter of PEFT, adapts.

    Raises
    ------
    InputError
        The file is missing, damaged, of another kind, without weights, or needs code to be run.
    CamctlError
        There is too little memory.
    """
    files = _parts(file)
    content: Any = {}
    for part in files if len(files) == 1 else files[1:]:
        found = content_of(part, trust=trust)
        content = found if len(files) == 1 else {**content, **found}
    found = find_state(content, choice, usual=usual)
    if found is None:
        raise _no_choice(file, str(choice))
    if not found.state:
        message, hint = (
            f"There are no weights in '{file}'.",
            "Give a checkpoint with a state dict, as training saves it.",
        )
        if has_arrays(content):
            message = f"There are no tensors in '{file}', but arrays of numpy."
            hint = "Save them as tensors: {name: torch.from_numpy(value) for name, value in ...}."
        raise InputError(message, hint=hint)
    _check_quantised(file, found.state)
    state, notes = merged(found.state, file, content, base=base)
    return Weights(
        path=file,
        sha256=file_hash(*files),  # last, as it takes long for a large file that is no checkpoint
        state=state,
        versions=found.versions or None,
        named=named or str(file),
        class_names=names_in(content),
        notes=(*found.notes, *notes),
    )


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
        with suppress(OSError):
            if (kind := folder_kind(file)) is not None:
                raise InputError(f"'{file}' is a folder, not a checkpoint file: it {kind[0]}.", hint=kind[1])
            if files := sorted(path.name for path in file.iterdir() if path.suffix in _SUFFIXES):
                message = f"'{file}' is a folder, not a checkpoint file."
                raise InputError(message, hint=f"Give a file in it, such as '{file / files[-1]}'.")
    hint = Hint("Check the path, or omit the checkpoint and use", random_weights=True)
    if not os.path.exists(file) and (close := alike(file)):  # noqa: PTH110 - it answers for any text
        meant = f"Did you mean {' or '.join(map(repr, close))}?"
        hint = Hint(f"{meant} Or omit the checkpoint and use", random_weights=True)
    check_file(file, "checkpoint file", hint=hint)
    if not file.stat().st_size:
        message = f"'{file}' is not a readable checkpoint: it is empty."
        raise InputError(message, hint="Copy or download it again.")


def _start(file: Path) -> bytes:
    _check_file(file)
    with _reading(file), file.open("rb") as stream:
        return stream.read(START)


def _parts(file: Path) -> list[Path]:
    """The file, and those that it lists if it is an index of weights in several files."""
    if file.suffix != ".json" or not _start(file):
        return [file]
    try:
        names = sorted(set(json.loads(file.read_text(encoding="utf-8"))["weight_map"].values()))
        return [file, *(file.parent / Path(name).name for name in names)]
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        message = f"'{file}' is no index of weights: {one_line(error)}"
        raise InputError(message, hint="Give the file of weights itself.") from error


def content_of(file: Path, *, trust: bool, inert: re.Pattern[str] | None = None) -> Any:
    """Return what a checkpoint file holds; objects of classes whose names match `inert` are read as data.

    Raises `InputError` as `read_checkpoint`.
    """
    start = _start(file)
    # A safetensors file begins with the length of its header, and that is JSON.
    if file.suffix == ".safetensors" or start[8:10] == b'{"':
        return _safetensors(file, start)
    check_kind(file, start)
    if is_text(start):
        raise not_weights(file, "is a text", "Check the path.")
    return pickles.unpickle(file, start, trust=trust, inert=inert)


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
        if start[8:9] != b"{":
            check_kind(file, start)
        raise pickles.unreadable(file, error) from error


def _no_choice(file: Path, choice: str) -> InputError:
    if choice == "ema":
        message = f"'{file}' holds no averaged weights (EMA)."
        return InputError(message, hint="Omit the choice: the file's only weights are used.")
    message = f"'{file}' holds no weights under '{choice}'."
    return InputError(message, hint="Give the key of a state dict in it, or `ema`, or `plain`.")


def _check_quantised(file: Path, state: Mapping[str, Tensor]) -> None:
    """Raise `InputError` for weights of a quantised network."""
    names = [name for name, value in state.items() if value.is_quantized or any(part in name for part in _QUANTISED)]
    if names:
        message = f"'{file}' holds the weights of a quantised network, such as {names[0]}: it has no gradients."
        raise InputError(message, hint="Give the weights from before it was quantised.")
