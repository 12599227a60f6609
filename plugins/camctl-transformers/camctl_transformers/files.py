"""Read a state dict out of a file without running what is in it."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

_NESTS = ("state_dict", "model", "model_state_dict", "module")


def read(path: Path) -> tuple[dict[str, Tensor], str]:
    """The weights in a safetensors or torch file, and the file's sha256.

    Raises `InputError` for a file that is missing, broken, without weights, or that asks for code to be run.
    """
    import torch

    if not path.is_file():
        raise InputError(f"There is no checkpoint file '{path}'.", hint="Give a .safetensors, .bin or .pth file.")
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    content: Any
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        message = f"The checkpoint '{path}' was refused: it is broken, or holds more than weights."
        raise InputError(message, hint="Save the state dict alone, or as safetensors.") from error
    except Exception as error:
        message = f"'{path}' is not a readable checkpoint: it is cut short, damaged or another kind of file."
        raise InputError(message, hint="Compare its size with the original, or copy or download it again.") from error
    for _ in _NESTS:
        inner = next(
            (content[key] for key in _NESTS if isinstance(content, Mapping) and isinstance(content.get(key), Mapping)),
            None,
        )
        if inner is None:
            break
        content = inner
    found = content.items() if isinstance(content, Mapping) else ()
    state = {str(key).removeprefix("module."): value for key, value in found if isinstance(value, torch.Tensor)}
    if not state:
        raise InputError(f"There are no weights in '{path}'.", hint="Give a file with a state dict in it.")
    return state, sha256
