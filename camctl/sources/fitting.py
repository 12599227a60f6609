"""Put weights into a model, and say in the user's words what does not fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from camctl.errors import InputError

if TYPE_CHECKING:
    from torch import nn

    from camctl.sources.checkpoints import Weights

_MISMATCH = re.compile(
    r"size mismatch for (?P<name>\S+): copying a param with shape (?:torch\.Size\()?\[(?P<file>[\d, ]*)\]\)? "
    r"from checkpoint, the shape in current model is (?:torch\.Size\()?\[(?P<model>[\d, ]*)\]",
)
_HEAD = re.compile(r"(^|\.)(head|fc|classifier|cls|logits)", re.IGNORECASE)
_SHOWN = 3


def fit(module: nn.Module, weights: Weights, *, hint: str, where: str = "the model") -> tuple[str, ...]:
    """Load the weights in place, on the CPU; one note for what is missing or left over.

    `hint` tells how the model's number of classes is set, `where` what the model was built from.
    Raises InputError where sizes differ or where nothing fits.
    """
    try:
        found = module.load_state_dict(dict(weights.state), strict=False)
    except RuntimeError as error:
        raise _mismatch(str(error), weights, hint, where) from error
    missing, unexpected = list(found.missing_keys), list(found.unexpected_keys)
    expected = [key for key in module.state_dict() if not key.endswith("num_batches_tracked")]
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if expected and len(missing) >= len(expected):
        message = f"The checkpoint '{weights.path}' is for another model: none of its weights has a place in {where}."
        raise InputError(message, hint=f"It holds {_some(list(weights.state))}; {where} wants {_some(expected)}.")
    parts = []
    if missing:
        parts.append(
            f"{len(missing)} of {len(expected)} weights are not in it and keep random values ({_some(missing)})"
        )
    if unexpected:
        parts.append(f"{len(unexpected)} in it are not used ({_some(unexpected)})")
    return (f"Checkpoint: {'; '.join(parts)}.",) if parts else ()


def _mismatch(text: str, weights: Weights, hint: str, where: str) -> InputError:
    """A head of another size is the usual case and gets its own words."""
    found = list(_MISMATCH.finditer(text))
    if not found:
        line = text.strip().splitlines()[-1].strip()
        return InputError(f"The checkpoint '{weights.path}' does not fit {where}: {line}", hint=hint)
    heads = [each for each in found if _HEAD.search(each["name"])]
    if heads and len(heads) == len(found):
        wanted, given = (heads[0][side].split(",")[0].strip() for side in ("model", "file"))
        if wanted != given:
            message = f"The head has {wanted} classes in {where}, {given} in the checkpoint '{weights.path}'."
            return InputError(message, hint=hint.replace("N", given, 1))
    first = found[0]
    message = (
        f"The checkpoint '{weights.path}' is for another model: {len(found)} weights have other sizes, "
        f"the first is {first['name']}, ({first['model']}) in {where} and ({first['file']}) in the checkpoint."
    )
    return InputError(message, hint="Give the checkpoint that was trained with this very model.")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
