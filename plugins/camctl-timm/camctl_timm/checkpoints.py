"""Checkpoint files as timm reads them: moving averages first, and JAX's formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.kit.checkpoints import NESTS, Weights, file_hash, read_checkpoint

if TYPE_CHECKING:
    from torch import Tensor, nn

FOREIGN = (".npz", ".npy")
"""JAX's formats, which timm reads by a function of each model."""

_AVERAGES = ("state_dict_ema", "model_ema")


def read(path: Path, *, trust: bool = False) -> Weights:
    """Read the weights of a safetensors file or a torch checkpoint; those of JAX's formats are left empty.

    A moving average has priority, as in timm. Raises what `read_checkpoint` raises.
    """
    if path.suffix in FOREIGN:
        return Weights(path=path, sha256=file_hash(path), state={})
    from timm.models import clean_state_dict

    weights = read_checkpoint(path, trust=trust, nests=(*_AVERAGES, *(key for key in NESTS if key not in _AVERAGES)))
    return replace(weights, state=clean_state_dict(weights.state))


def head_rows(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> int | None:
    """Number of classes of a checkpoint's head, by timm's name for it; None if unknown."""
    heads = config.get("classifier")
    for head in (heads,) if isinstance(heads, str) else heads or ():
        weight = state.get(f"{head}.weight")
        if weight is not None and weight.ndim > 1:
            return int(weight.shape[0])
    return None


def fits(module: nn.Module, state: Mapping[str, Tensor]) -> bool:
    """Whether a state has every weight of a model in its size."""
    return all(
        key.endswith("num_batches_tracked") or (key in state and state[key].shape == value.shape)
        for key, value in module.state_dict().items()
    )
