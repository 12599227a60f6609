"""Find the weights in what a checkpoint holds: nested, in parts, averaged, or with an adapter of PEFT beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint

if TYPE_CHECKING:
    from torch import Tensor

NESTS = ("state_dict", "model", "model_state_dict", "module", "net", "network", "weights", "params")
"""Keys under which weights are nested; at every depth the first one present is followed."""
AVERAGES = (
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "ema_model",
    "model_ema_state_dict",
    "model_state_dict_ema",
    "ema_model_state_dict",
    "swa_state_dict",
    "swa_model",
    "averaged_model",
    "net_ema",
    "ema_net",
    "params_ema",
    "ema",
)
"""Keys of moving averages (EMA, SWA) of the weights."""
_BESIDE = re.compile(r"opts?$|.*(optim|sched|scaler|rng|callback|loops?$|loss|criterion|metric|buffer$)", re.IGNORECASE)
"""Keys of a training's state, in which tensors are no weights."""
COUNTERS = {"n_averaged", "num_updates", "steps", "step", "initted", "decay"}
"""Names of counters that averaging adds to the weights."""
_WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes that parallel wrappers, averaging and torch.compile add to every name."""
LEFT_OUT = r"The prefix '(.*)' of the checkpoint's names was left out\."
"""Pattern of the note on a prefix of all names that a model does not have."""
_DEEPEST = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class StateDict:
    """Weights by name, and what torch keeps of their modules."""

    state: dict[str, Tensor] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)
    """Module name -> {"version": int}."""
    notes: tuple[str, ...] = ()


def find_state(content: Any, choice: str | None = None, *, usual: str = "plain") -> StateDict | None:
    """Find the weights in a checkpoint's content; an empty one if there are none.

    Parameters
    ----------
    choice
        `ema` for the averaged weights, `plain` for the others, or the key under which the weights lie.
    usual
        Which of the two are taken without a choice, if the content holds both.

    Returns
    -------
    StateDict | None
        None if the content lacks what was chosen.
    """
    if isinstance(content, list | tuple):  # of the model's, the optimiser's and so on
        content = {str(at): value for at, value in enumerate(content)}
    plain, averaged, key = _branches(content)
    if choice not in {None, "plain", "ema"}:
        return _chosen(content, str(choice))
    if plain.state and averaged.state and choice is None and _is_mmengine(mapping(content)):
        text = "The checkpoint's state_dict is the average (EMA), as mmengine saves it. For the other weights"
        note = Hint(text, weights="plain")
        return replace(averaged, notes=(note, *averaged.notes))
    if plain.state and averaged.state:
        takes_average = (choice or usual) == "ema"
        if choice is not None or takes_average:
            return averaged if takes_average else plain
        note = Hint(
            f"The checkpoint holds averaged weights as well ({key}), which were not used. For them", weights="ema"
        )
        return replace(plain, notes=(note, *plain.notes))
    if choice == "ema" and not averaged.state:
        return None
    return plain if plain.state else averaged


def mapping(value: Any) -> dict[Any, Any]:
    """A mapping's items, whatever attributes of its own it has; empty for anything else."""
    return dict(dict.items(value)) if isinstance(value, dict) else dict(value) if isinstance(value, Mapping) else {}


def _branches(content: Any) -> tuple[StateDict, StateDict, str]:
    """The plain and the averaged weights, and the key of the second."""
    top = mapping(content)
    if _is_mmengine(top):
        # mmengine swaps the two before it saves.
        return _stripped(_flat(top["ema_state_dict"])), _stripped(_flat(top["state_dict"])), "state_dict"
    plain, averaged, key = StateDict(), StateDict(), ""
    for place in _descent(content):
        table = mapping(_as_table(place))
        key, averaged = next(
            ((name, found) for name in AVERAGES if (found := _stripped(_flat(_descended(table.get(name))))).state),
            ("", StateDict()),
        )
        if averaged.state:
            break
    plain = _stripped(_flat(_descended(content)))
    if not averaged.state:
        plain, averaged, key = _split(plain)
    return plain, averaged, key


def _is_mmengine(top: Mapping[Any, Any]) -> bool:
    meta = mapping(top.get("meta"))
    return "mmengine_version" in meta and "state_dict" in top and bool(mapping(top.get("ema_state_dict")))


def _descent(content: Any) -> Iterator[Any]:
    """The content, and what lies under the keys that weights are nested in, the outermost first."""
    for _ in range(_DEEPEST):
        yield content
        parts = mapping(_as_table(content))
        inner = next((parts[key] for key in NESTS if _flat(parts.get(key)).state), None)
        if inner is None:
            # A dict under another key.
            if any(_is_tensor(value) for value in parts.values()):
                return
            others = [value for key, value in parts.items() if _is_place(key) and _flat(value).state]
            if len(others) != 1:
                return
            inner = others[0]
        content = inner


def _descended(content: Any) -> Any:
    *_, last = _descent(content)
    return last


def _is_place(key: Any) -> bool:
    return str(key) not in AVERAGES and not _BESIDE.match(str(key))


def _flat(content: Any) -> StateDict:
    """All tensors of a content by dotted name, but for averages and a training's state."""
    state: dict[str, Tensor] = {}
    seen: set[int] = set()

    def walk(value: Any, prefix: str, depth: int) -> None:
        table = mapping(_as_table(value))
        if id(value) in seen or depth > _DEEPEST or "param_groups" in table:
            return
        seen.add(id(value))
        for key, part in table.items():
            if _is_tensor(part):
                state[f"{prefix}{key}"] = part
            elif _is_place(key) and (isinstance(part, Mapping) or _is_module(part)):
                walk(part, f"{prefix}{key}.", depth + 1)

    walk(content, "", 0)
    versions = mapping(getattr(_as_table(content), "_metadata", None))
    return StateDict(
        state=state,
        versions={key: value for key, value in versions.items() if isinstance(key, str) and _is_version(value)},
    )


def _as_table(value: Any) -> Any:
    return value.state_dict() if _is_module(value) else value  # a whole model, which needs trust


def _chosen(content: Any, path: str) -> StateDict | None:
    """The weights under a key, or keys joined by dots."""
    for key in path.split("."):
        parts = mapping(_as_table(content))
        if key not in parts:
            return None
        content = parts[key]
    found = _stripped(_flat(_descended(content)))
    return found if found.state else None


def _split(found: StateDict) -> tuple[StateDict, StateDict, str]:
    """Weights, and the averaged ones that lie among them under a prefix such as `ema_model.`."""
    for word in AVERAGES:
        prefix = f"{word}."
        inner = {key: value for key, value in found.state.items() if key.startswith(prefix)}
        others = {key: value for key, value in found.state.items() if key not in inner}
        if len(inner) > 1 and len(others) >= len(inner):
            averaged = StateDict(state={key.removeprefix(prefix): value for key, value in inner.items()})
            return replace(found, state=others), _stripped(averaged), word
    return found, StateDict(), ""


def _stripped(found: StateDict) -> StateDict:
    """Weights without wrappers' prefixes and without counters."""
    state, versions, whole = found.state, found.versions, ""
    while prefix := next((word for word in _WRAPPERS if _all_start(state, word)), None):
        state = {key.removeprefix(prefix): value for key, value in state.items() if key not in COUNTERS}
        # The wrapped model's own key has no dot; the wrapper's version is not needed.
        versions = {f"{key}.".removeprefix(prefix)[:-1]: value for key, value in versions.items() if key}
        whole += prefix
    return StateDict(state=state, versions=versions, notes=left_out(whole) if whole else ())


def left_out(prefix: str, notes: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return notes with one more: names are read without a prefix, after what an earlier note of the kind names."""
    found = [re.fullmatch(LEFT_OUT, note) for note in notes]
    whole = "".join(match[1] for match in found if match) + prefix
    others = (note for note, match in zip(notes, found, strict=True) if not match)
    return (*others, f"The prefix '{whole}' of the checkpoint's names was left out.")


def _all_start(state: Mapping[str, Any], prefix: str) -> bool:
    names = [key for key in state if key not in COUNTERS]
    return bool(names) and all(key.startswith(prefix) for key in names)


def _is_version(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("version"), int | None)


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _is_module(value: Any) -> bool:
    import torch

    return isinstance(value, torch.nn.Module)
