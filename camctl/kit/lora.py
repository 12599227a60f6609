"""Adapters of PEFT (LoRA) in a checkpoint: merged into the weights beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.kit.state_dicts import mapping
from camctl.values.texts import counted

if TYPE_CHECKING:
    from torch import Tensor

_PART = re.compile(r"(.+)\.lora_(A|B)(?:\.\w+)?(?:\.weight)?")
_SAVED = re.compile(r"(.+)\.modules_to_save(?:\.\w+)?\.(weight|bias)")
_PEFT = "base_model.model."
"""Prefix that PEFT adds to every name."""
_MERGE = "Merge it where it was trained, and save the whole model: model.merge_and_unload()."
_DEEPEST = 3


def merged(
    state: Mapping[str, Tensor], file: Path, content: Any, *, base: Mapping[str, Tensor] | None = None
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return weights with their adapters merged, and a note on them; weights without adapters as they are.

    `base` has the weights that are adapted, if they are not in the same file.
    Raises `InputError` if the adapted weights or the adapter's scale are not there, or it is no plain LoRA.
    """
    if base is not None:
        state = {**base, **{name.removeprefix(_PEFT): value for name, value in state.items()}}
    pairs: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        if match := _PART.fullmatch(name):
            pairs.setdefault(match[1], {})[match[2]] = value
    if not pairs:
        return dict(state), ()
    plain = _without_adapters(state)
    settings = _settings(file, content)
    for name, pair in pairs.items():
        weight = plain.get(f"{name}.weight")
        if weight is None:
            message = f"'{file}' is an adapter of PEFT (LoRA), without the weights that it adapts, such as {name}."
            raise InputError(message, hint=_MERGE)
        plain[f"{name}.weight"] = weight + _change(name, pair, weight, settings, file)
    return plain, (f"LoRA of {counted(len(pairs), 'layer')} was merged into the weights.",)


def _without_adapters(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights under the names that they have without PEFT."""
    saved = {f"{match[1]}.{match[2]}": value for name, value in state.items() if (match := _SAVED.fullmatch(name))}
    plain = {
        name.replace(".base_layer.", ".").replace(".original_module.", "."): value
        for name, value in state.items()
        if not _PART.fullmatch(name) and not _SAVED.fullmatch(name)
    }
    return plain | saved


def _change(name: str, pair: Mapping[str, Tensor], base: Tensor, settings: Mapping[str, Any], file: Path) -> Tensor:
    """What an adapter adds to a weight: B A, scaled."""
    first, second = pair.get("A"), pair.get("B")
    alpha = settings.get("lora_alpha")
    if first is None or second is None or settings.get("use_dora") or settings.get("alpha_pattern"):
        raise InputError(f"The adapter of {name} in '{file}' is no plain LoRA.", hint=_MERGE)
    if not isinstance(alpha, int | float) or isinstance(alpha, bool):
        message = f"'{file}' holds LoRA adapters, but not their scale (lora_alpha)."
        raise InputError(message, hint=f"Put the adapter_config.json beside it. Or: {_MERGE[0].lower()}{_MERGE[1:]}")
    rank = first.shape[0]
    scale = alpha / (rank**0.5 if settings.get("use_rslora") else rank)
    change = second.flatten(1).float() @ first.flatten(1).float() * scale
    if change.numel() != base.numel():
        raise InputError(f"The adapter of {name} in '{file}' has another size than the weight.", hint=_MERGE)
    if settings.get("fan_in_fan_out"):
        change = change.T
    return change.reshape(base.shape).to(base.dtype)


def _settings(file: Path, content: Any, depth: int = 0) -> Mapping[str, Any]:
    """The adapter's settings: from `adapter_config.json` beside the file, or in the checkpoint."""
    if not depth:
        with suppress(OSError, ValueError):
            found = json.loads((file.parent / "adapter_config.json").read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return found
    table = mapping(content)
    if "lora_alpha" in table:
        return table
    inner = (_settings(file, value, depth + 1) for value in table.values()) if depth < _DEEPEST else ()
    return next((found for found in inner if found), {})
