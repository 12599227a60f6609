"""Match the names of a checkpoint's weights with a model's: other prefixes, parts, and a head by another name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from camctl.kit.state_dicts import COUNTERS, left_out

if TYPE_CHECKING:
    from torch import nn

    from camctl.kit.checkpoints import Weights

Shape = tuple[int, ...]
Prefixes = tuple[str, str]
"""A prefix in the checkpoint, and what stands in its place in the model."""

HEAD = re.compile(r"(^|\.)(\w*head|_?fc|classifier|cls|logits|(last_)?linear)", re.IGNORECASE)
"""Names of the last layer."""
_MOST_PLACES = 4
"""Number of places in a model with the same last part of a name, above which that part tells nothing."""
_FEW = 4
"""Number of names that a part of a checkpoint must have to be taken for another part of the model."""
_MATRIX, _HEAD_PARTS = 2, 2


def aligned(module: nn.Module, weights: Weights) -> Weights:
    """Return the weights under the module's names, as far as names and shapes tell; with notes on what was guessed.

    The head may have another number of classes.
    """
    wanted, parameters = shapes_of(module), {name for name, _ in module.named_parameters(remove_duplicate=False)}
    given = {name: tuple(value.shape) for name, value in weights.state.items()}
    names, versions, notes = {name: name for name in given}, weights.versions, list(weights.notes)
    pairs = _best(wanted, given)
    if pairs[0] != ("", ""):
        names = _renamed(given, pairs[0])
        versions = _renamed_modules(versions, pairs[0])
        notes = _moved(pairs, weights.notes)
    taken = set(names.values())
    names |= {name: name for name in given if name in wanted and name not in names and name not in taken}
    taken = set(names.values())
    left = {name: shape for name, shape in given.items() if name not in taken}
    for found in _more_parts(parameters - set(names), wanted, left):
        more = {new: old for new, old in _renamed(given, found).items() if new in wanted and new not in names}
        names |= more
        place = f"as the model's '{found[1]}*'" if found[1] else "without that prefix"
        notes.append(f"The checkpoint's '{found[0]}*' was used {place}.")
    head = _head(parameters, wanted, names, given)
    if head is not None:
        model, checkpoint = head
        moved = {f"{model}.{part}": f"{checkpoint}.{part}" for part in ("weight", "bias")}
        names = {new: old for new, old in names.items() if old not in moved.values()}
        names |= {new: old for new, old in moved.items() if old in given}
        notes.append(f"The checkpoint's layer '{checkpoint}' was used as the model's head '{model}'.")
    taken = set(names.values())
    # What fits nowhere keeps its name, for the message.
    names |= {name: name for name in given if name not in taken and name not in names and name not in COUNTERS}
    state = {new: weights.state[old] for new, old in names.items()}
    return replace(weights, state=state, versions=versions, notes=tuple(notes))


def _moved(pairs: Sequence[Prefixes], notes: tuple[str, ...]) -> list[str]:
    """Return notes with one on the first of the prefixes under which a checkpoint's names fit."""
    old, new = pairs[0]
    if len(pairs) > 1:
        return [*notes, f"Several parts of the checkpoint fit; '{old}' was used, not '{pairs[1][0]}'."]
    if new:
        part = f"'{old}*' was" if old else "weights were"
        return [*notes, f"The checkpoint's {part} used as the model's '{new}*'."]
    return list(left_out(old, notes))


def likely(weights: Weights, models: Iterable[tuple[str, Callable[[], nn.Module]]]) -> str:
    """Name of the first model whose weights are the checkpoint's by name and shape, its head aside; empty if none is.

    The models are built without memory for their weights; one that cannot be is passed over.
    """
    import torch

    given = {name: tuple(value.shape) for name, value in weights.state.items()}
    for name, make in models:
        wanted: dict[str, Shape | None] = {}
        with suppress(Exception), torch.device("meta"):
            wanted = shapes_of(make())
        wanted = {key: shape for key, shape in wanted.items() if not key.endswith("num_batches_tracked")}
        names = _renamed(given, _best(wanted, given)[0]) if wanted else {}
        fits = [key for key, shape in wanted.items() if key in names and given[names[key]] == shape]
        others = [key for key in names if key not in fits and not key.endswith("num_batches_tracked")]
        if max(len(wanted) - len(fits), len(others)) <= _HEAD_PARTS and len(fits) > _FEW:
            return name
    return ""


def shapes_of(module: nn.Module) -> dict[str, Shape | None]:
    """Name -> shape of each parameter and buffer; None if the first forward pass decides it."""
    from torch.nn.parameter import is_lazy

    return {
        name: None if is_lazy(value) else tuple(value.shape)
        for name, value in module.state_dict(keep_vars=True).items()
        if hasattr(value, "shape")
    }


def _best(wanted: Mapping[str, Shape | None], given: Mapping[str, Shape]) -> list[Prefixes]:
    """The prefixes under which most names and shapes fit; more than one if others fit as well."""
    scores = {("", ""): _score(wanted, given, ("", ""))}
    if scores["", ""][1] == len(wanted):
        return [("", "")]  # of other sizes, perhaps: then the error names them as both sides know them
    if scores["", ""][0] < len(wanted):
        for pair, _ in _votes(wanted, given).most_common(6):
            scores[pair] = _score(wanted, given, pair)
    most = max(scores.values())
    best = [pair for pair, score in scores.items() if score == most]
    if scores["", ""] == most or not most[0]:
        return [("", "")]
    order = {name: at for at, name in enumerate(given)}
    return sorted(best, key=lambda pair: min(order[name] for name in given if name.startswith(pair[0])))


def _score(wanted: Mapping[str, Shape | None], given: Mapping[str, Shape], pair: Prefixes) -> tuple[int, int]:
    """Number of the model's weights that are there with their shape, and by name alone."""
    fits = names = 0
    for new, old in _renamed(given, pair).items():
        if new in wanted:
            names += 1
            fits += wanted[new] in {None, given[old]}
    return fits, names


def _votes(wanted: Mapping[str, Shape | None], given: Mapping[str, Shape]) -> Counter[Prefixes]:
    """How many names of equal shape each pair of prefixes would join."""
    places: dict[str, list[str]] = defaultdict(list)
    for name in wanted:
        for prefix in _prefixes(name):
            places[name[len(prefix) :]].append(prefix)
    votes: Counter[Prefixes] = Counter()
    for name, shape in given.items():
        for prefix in _prefixes(name):
            tail = name[len(prefix) :]
            others = places.get(tail, ())
            if len(others) <= _MOST_PLACES:
                votes.update((prefix, other) for other in others if wanted[other + tail] in {None, shape})
    return votes


def _prefixes(name: str) -> Iterable[str]:
    """The empty prefix, and each one that ends in a dot."""
    return ["", *(name[: match.end()] for match in re.finditer(r"\.", name))]


def _renamed(given: Iterable[str], pair: Prefixes) -> dict[str, str]:
    """New name -> name in the checkpoint, of what has the prefix."""
    old, new = pair
    return {new + name.removeprefix(old): name for name in given if name.startswith(old)}


def _renamed_modules(versions: Any, pair: Prefixes) -> Any:
    if not isinstance(versions, dict):
        return versions
    old, new = pair
    return {
        (new + f"{name}.".removeprefix(old))[:-1]: value
        for name, value in versions.items()
        if f"{name}.".startswith(old)
    }


def _more_parts(missing: set[str], wanted: Mapping[str, Shape | None], left: Mapping[str, Shape]) -> Iterable[Prefixes]:
    """Prefixes of further parts of the checkpoint that fit what is missing; never a layer for another of its kind."""
    while missing and left:
        votes = _votes({name: wanted[name] for name in missing if name in wanted}, left)
        pair, count = next(((pair, n) for pair, n in votes.most_common() if not any(map(_numbered, pair))), (None, 0))
        if pair is None or count < _FEW:
            return
        yield pair
        found = _renamed(left, pair)
        missing = missing - set(found)
        left = {name: shape for name, shape in left.items() if name not in found.values()}


def _numbered(prefix: str) -> bool:
    """Whether a prefix names one layer of a list of layers."""
    return any(part.isdecimal() for part in prefix.split(".")[1:])


def _head(
    parameters: set[str], wanted: Mapping[str, Shape | None], names: Mapping[str, str], given: Mapping[str, Shape]
) -> tuple[str, str] | None:
    """Names of the head in the model and in the checkpoint, if a single linear layer is left on either side."""
    there = {name for name in names if name in wanted}
    model = _single(parameters - there)
    used = {names[name] for name in there}
    left = {name: given[name] for name in given if name not in used}
    layers = [name for name in left if name.endswith(".weight") and len(left[name]) >= _MATRIX]
    if model is None or len(layers) != 1:
        return None
    checkpoint = layers[0].removesuffix(".weight")
    here, other = wanted[f"{model}.weight"], given[layers[0]]
    same = here is not None and here[1:] == other[1:] and len(here) >= _MATRIX
    biases = f"{model}.bias" in parameters, f"{checkpoint}.bias" in given
    related = f"{model}.".startswith(f"{checkpoint}.") or f"{checkpoint}.".startswith(f"{model}.")
    named = related or bool(HEAD.search(model) and HEAD.search(checkpoint) and "proj" not in checkpoint)
    return (model, checkpoint) if same and named and biases[0] == biases[1] else None


def _single(names: set[str]) -> str | None:
    """The layer to which all these names belong; None if there are several, or none."""
    layers = {name.rpartition(".")[0] for name in names if name.rpartition(".")[2] in {"weight", "bias"}}
    layer = next(iter(layers), "")
    whole = len(layers) == 1 and bool(layer) and names <= {f"{layer}.weight", f"{layer}.bias"}
    return layer if whole and f"{layer}.weight" in names else None
