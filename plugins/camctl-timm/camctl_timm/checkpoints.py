"""Read a checkpoint file without running what is in it, and put it into a model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError, one_line

if TYPE_CHECKING:
    from torch import Tensor, nn

FOREIGN = (".npz", ".npy")
"""JAX's own formats, which timm reads by a function of each model."""

_NESTS = ("state_dict_ema", "model_ema", "state_dict", "model", "module")
_SHOWN = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """A checkpoint file. `sha256` is the file's, in hexadecimal."""

    path: Path
    sha256: str
    state: Mapping[str, Tensor] | None = field(repr=False)
    """Names of parameters and buffers -> tensors on the CPU; None for JAX's formats, which timm reads itself."""


def read(path: Path, *, trust: bool = False) -> Weights:
    """Read the weights out of a file: safetensors, a torch checkpoint as timm saves it, or JAX's arrays.

    `trust` reads a torch checkpoint with Python's own unpickler, which runs whatever code the file holds.
    Raises InputError.
    """
    if not path.is_file():
        kind = f"'{path}' is a folder, not a checkpoint file." if path.is_dir() else f"There is no file '{path}'."
        raise InputError(kind, hint="Check the path, or leave the checkpoint out and add --random-weights.")
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 22):
                digest.update(chunk)
    except OSError as error:
        message = f"The checkpoint '{path}' cannot be read: {error.strerror or error}."
        raise InputError(message, hint="Check the file's permissions.") from error
    state = None if path.suffix in FOREIGN else _state(path, _content(path, trust=trust))
    return Weights(path=path, sha256=digest.hexdigest(), state=state)


def _content(path: Path, *, trust: bool) -> Any:
    import argparse
    import pickle

    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # Options of the training run lie beside the weights in what timm's script saves.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        if trust or "global" not in str(error).lower():
            raise _broken(path) from error
        message = f"The checkpoint '{path}' was refused: it asks for code to be run, which can do anything here."
        raise InputError(message, hint="If you know who made it, add --trust-checkpoint.") from error
    except Exception as error:
        raise _broken(path) from error


def _broken(path: Path) -> InputError:
    message = f"'{path}' is not a readable checkpoint: it is cut short, damaged or another kind of file."
    return InputError(message, hint="Compare its size with the original, or copy or download it again.")


def _state(path: Path, content: Any) -> dict[str, Tensor]:
    """The weights, wherever they are nested; their moving average where there is one, as timm itself takes it."""
    import torch
    from timm.models import clean_state_dict

    while isinstance(content, Mapping):
        inner = next((content[key] for key in _NESTS if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    if isinstance(content, torch.nn.Module):  # a whole model, which only --trust-checkpoint lets in
        content = content.state_dict()
    state = {} if not isinstance(content, Mapping) else {
        str(key): value for key, value in content.items() if isinstance(value, torch.Tensor)
    }  # fmt: skip
    if not state:
        message = f"There are no weights in '{path}'."
        raise InputError(message, hint="Give a checkpoint with a state dict, as training saves it.")
    return dict(clean_state_dict(state))


def head_rows(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> int | None:
    """How many classes a checkpoint's own head has, by timm's name for it; None where that tells nothing."""
    heads = config.get("classifier")
    for head in (heads,) if isinstance(heads, str) else heads or ():
        weight = state.get(f"{head}.weight")
        if weight is not None and weight.ndim > 1:
            return int(weight.shape[0])
    return None


def fits(module: nn.Module, state: Mapping[str, Tensor]) -> bool:
    """Whether a state holds every weight of a model, in its size."""
    return all(
        key.endswith("num_batches_tracked") or (key in state and state[key].shape == value.shape)
        for key, value in module.state_dict().items()
    )


def fit(module: nn.Module, weights: Weights, name: str) -> tuple[str, ...]:
    """Load the weights in place; one note for what is missing or left over.

    Raises InputError where sizes differ or where nothing fits.
    """
    state = dict(weights.state or {})
    wanted = {key: value for key, value in module.state_dict().items() if not key.endswith("num_batches_tracked")}
    differing = [key for key in wanted if key in state and state[key].shape != wanted[key].shape]
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in module.state_dict()]
    if differing:
        first = differing[0]
        message = (
            f"The checkpoint '{weights.path}' is for another model: {len(differing)} weights have other sizes, the "
            f"first is {first}, {tuple(wanted[first].shape)} in {name} and {tuple(state[first].shape)} in the file."
        )
        raise InputError(message, hint="Set what differs: --cfg-options num_classes=N img_size=S")
    if wanted and len(missing) == len(wanted):
        message = f"The checkpoint '{weights.path}' is for another model: none of its weights has a place in {name}."
        raise InputError(message, hint=f"It holds {_some(list(state))}; {name} wants {_some(list(wanted))}.")
    try:
        module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        message = f"The checkpoint '{weights.path}' does not fit {name}: {one_line(error)}"
        raise InputError(message, hint="Give the checkpoint that was trained with this very model.") from error
    parts = []
    if missing:
        parts.append(f"{len(missing)} of {len(wanted)} weights are not in it and keep random values ({_some(missing)})")
    if unexpected:
        parts.append(f"{len(unexpected)} in it are not used ({_some(unexpected)})")
    return (f"Checkpoint: {'; '.join(parts)}.",) if parts else ()


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
