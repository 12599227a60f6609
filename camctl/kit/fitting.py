"""Load weights into a model, and report in the user's words what does not fit."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from torch import nn

    from camctl.kit.checkpoints import Weights

OTHER_SIZES = "Give the checkpoint that was trained with exactly this model."

_MISMATCH = re.compile(r"size mismatch for (\S+): [^[]*\[([\d, ]*)\][^[]*\[([\d, ]*)\]")
"""A weight's name, its shape in the checkpoint and its shape in the model, in the message of `load_state_dict`."""
_HEAD = re.compile(r"(^|\.)(head|fc|classifier|cls|logits)", re.IGNORECASE)
_SHOWN = 3


def fit(
    module: nn.Module, weights: Weights, *, hint: str, where: str = "the model", other_sizes: str = OTHER_SIZES
) -> tuple[str, ...]:
    """Load weights in place, on the CPU, and return a note on missing and unused ones.

    Parameters
    ----------
    hint
        How to set the model's number of classes; a word N in it is replaced by the checkpoint's.
    where
        What the model was built from, for messages.
    other_sizes
        Hint of the `InputError` if other weights than the head's have another size.
    """
    state: Any = OrderedDict(weights.state)
    state._metadata = weights.versions  # noqa: SLF001 - where torch keeps them
    try:
        keys = module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        sizes = [(name, *map(_shape, shapes)) for name, *shapes in _MISMATCH.findall(str(error))]
        if sizes:
            raise mismatch(sizes, path=weights.path, hint=hint, where=where, other_sizes=other_sizes) from error
        line = str(error).strip().splitlines()[-1].strip()
        message = f"The checkpoint '{weights.path}' does not fit {where}: {line}"
        raise InputError(message, hint=other_sizes) from error
    return notes_on(module, keys.missing_keys, keys.unexpected_keys, path=weights.path, where=where)


def notes_on(
    module: nn.Module, missing: Iterable[str], unexpected: Iterable[str], *, path: object, where: str = "the model"
) -> tuple[str, ...]:
    """Return a note on a checkpoint's missing and unexpected weights; none if all fit.

    For a library that loads weights by itself; `fit` calls this already. Raises `InputError` if no weight fits.
    """
    missing, unexpected = _weights_among(missing), list(unexpected)
    expected = _weights_among(module.state_dict())
    if expected and len(missing) >= len(expected):
        message = f"The checkpoint '{path}' is for another model: none of its weights is one of {where}."
        contents = f"It holds {_some(unexpected)}; " if unexpected else ""
        raise InputError(message, hint=f"{contents}{where} needs {_some(expected)}.")
    parts = []
    if missing:
        parts.append(
            f"{len(missing)} of {len(expected)} weights are not in it and keep random values ({_some(missing)})"
        )
    if unexpected:
        parts.append(f"{len(unexpected)} in it are not used ({_some(unexpected)})")
    return (f"Checkpoint: {'; '.join(parts)}.",) if parts else ()


def mismatch(
    sizes: Sequence[tuple[str, Sequence[int], Sequence[int]]],
    *,
    path: object,
    hint: str,
    where: str = "the model",
    other_sizes: str = OTHER_SIZES,
) -> InputError:
    """Make the error for weights of other sizes, worded for the usual case that only the head's differ.

    `sizes` has a name, the shape in the checkpoint and the shape in the model of each, at least one; the rest as in
    `fit`.
    """
    if all(_HEAD.search(name) for name, _, _ in sizes):
        _, (checkpoint, *_), (model, *_) = sizes[0]
        if model != checkpoint:
            message = f"The head has {model} classes in {where}, {checkpoint} in the checkpoint '{path}'."
            return InputError(message, hint=re.sub(r"\bN\b", str(checkpoint), hint, count=1))
    name, there, here = sizes[0]
    message = (
        f"The checkpoint '{path}' is for another model: {len(sizes)} weights have other sizes, the first is {name}, "
        f"({', '.join(map(str, here))}) in {where} and ({', '.join(map(str, there))}) in the checkpoint."
    )
    return InputError(message, hint=other_sizes)


def _weights_among(names: Iterable[str]) -> list[str]:
    """Names except the counters of batch norms, which old files lack and inference does not need."""
    return [name for name in names if not name.endswith("num_batches_tracked")]


def _shape(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
