"""Checkpoint files for timm's models: moving averages first, as in timm, and JAX's formats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.kit.checkpoints import Weights, file_hash, read_checkpoint

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.plugin import LoadOptions

FOREIGN = (".npz", ".npy")
"""JAX's formats, which timm reads by a function of each model."""


def read(path: Path, options: LoadOptions, *, named: str = "") -> Weights:
    """Read the weights of a file for torch; those of JAX's formats are left empty.

    A moving average has priority, as in timm. Raises what `read_checkpoint` raises.
    """
    if path.suffix in FOREIGN:
        return Weights(path=path, sha256=file_hash(path), state={}, named=named)
    return read_checkpoint(
        path, trust=options.trust_checkpoint, choice=options.weights, usual="ema", named=named or path.name
    )


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


def differing(module: nn.Module, other: nn.Module) -> list[str]:
    """Names of weights in which two modules of one architecture differ."""
    import torch

    values = other.state_dict()
    return [name for name, value in module.state_dict().items() if not torch.equal(value, values[name])]
