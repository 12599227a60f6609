"""Load weights into a model; every parameter is in the checkpoint, or an error names it."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.kit.renaming import HEAD, aligned, shapes_of
from camctl.values.texts import counted

if TYPE_CHECKING:
    from torch import nn

    from camctl.kit.checkpoints import Weights

OTHER_SIZES = "Give the checkpoint that was trained with exactly this model."

Sizes = Sequence[tuple[str, Sequence[int], Sequence[int]]]
"""Names of weights, with the shape in the checkpoint and the shape in the model."""

_MISMATCH = re.compile(r"size mismatch for (\S+): [^[]*\[([\d, ]*)\][^[]*\[([\d, ]*)\]")
"""A weight's name, its shape in the checkpoint and its shape in the model, in the message of `load_state_dict`."""
_STATISTICS = re.compile(r"(^|\.)running_(mean|var)$")
_NUMBER = re.compile(r"\d+$")
_SHOWN = 3


def fit(
    module: nn.Module, weights: Weights, *, hint: str, where: str = "the model", other_sizes: str = OTHER_SIZES
) -> tuple[str, ...]:
    """Load weights in place, on the CPU, under the module's names; return notes on what is missing or not used.

    Parameters
    ----------
    hint
        How to set the model's number of classes; a word N in it is replaced by the checkpoint's.
    where
        What the model was built from, for messages.
    other_sizes
        Hint of the `InputError` if weights do not fit for another reason than the head's number of classes.

    Raises
    ------
    InputError
        A parameter is not in the checkpoint, or has another shape there.
    """
    weights = aligned(module, weights)
    state: Any = OrderedDict(weights.state)
    state._metadata = weights.versions  # noqa: SLF001 - where torch keeps them
    try:
        keys = module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        sizes = [(name, *map(_shape, shapes)) for name, *shapes in _MISMATCH.findall(str(error))]
        if sizes:
            total = sum(not name.endswith("num_batches_tracked") for name in shapes_of(module))
            raise mismatch(
                sizes, path=weights.path, hint=hint, where=where, other_sizes=other_sizes, total=total
            ) from error
        line = str(error).strip().splitlines()[-1].strip()
        message = f"The checkpoint '{weights.path}' does not fit {where}: {line}"
        raise InputError(message, hint=other_sizes) from error
    notes = check_fit(
        module, keys.missing_keys, keys.unexpected_keys, path=weights.path, where=where, hint=other_sizes,
        given=weights.state,
    )  # fmt: skip
    return (*weights.notes, *notes)


def check_fit(
    module: nn.Module,
    missing: Iterable[str],
    unexpected: Iterable[str],
    *,
    path: object,
    where: str = "the model",
    hint: str = OTHER_SIZES,
    given: Mapping[str, Any] | None = None,
) -> tuple[str, ...]:
    """Return notes on a checkpoint's missing buffers and unused weights; raise `InputError` for a missing parameter.

    For a library that loads weights by itself; `fit` calls this already.
    """
    shapes = shapes_of(module)
    missing, unexpected = [name for name in _known(module, missing) if name in shapes], list(unexpected)
    expected = [name for name in shapes if not name.endswith("num_batches_tracked")]
    parameters = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    lacking = [name for name in missing if name in parameters]
    if expected and len(missing) >= len(expected):
        message = f"The checkpoint '{path}' is for another model: none of its weights is one of {where}."
        contents = f"It holds {_some(unexpected)}; " if unexpected else ""
        raise InputError(message, hint=f"{contents}{where} needs {_some(expected)}.")
    if lacking:
        raise _lacking(lacking, expected, shapes, unexpected, given or {}, path=path, where=where, hint=hint)
    norms = [name for name in expected if _STATISTICS.search(name)]
    absent = [name for name in missing if _STATISTICS.search(name)]
    if len(norms) > 2 and 2 * len(absent) > len(norms):  # noqa: PLR2004 - a single norm has two of them
        message = f"The checkpoint '{path}' lacks the statistics of batch norms: {len(absent)} of {len(norms)}."
        raise InputError(message, hint="Save the whole state dict, with buffers: torch.save(model.state_dict(), ...).")
    _check_depth(module, unexpected, path=path, where=where)
    return _notes(missing, unexpected)


def mismatch(
    sizes: Sizes,
    *,
    path: object,
    hint: str,
    where: str = "the model",
    other_sizes: str = OTHER_SIZES,
    total: int = 0,
) -> InputError:
    """Make the error for weights of other sizes, worded for the usual case that only the head's differ.

    `sizes` has at least one weight, `total` is the number of the model's; the rest as in `fit`.
    """
    if all(HEAD.search(name) and there[1:] == here[1:] for name, there, here in sizes):
        _, (checkpoint, *_), (model, *_) = sizes[0]
        if model != checkpoint:
            message = f"The head has {counted(model, 'class')} in {where}, {checkpoint} in the checkpoint '{path}'."
            return InputError(message, hint=_with_count(hint, checkpoint))
    name, there, here = sizes[0]
    fits = f"; {total - len(sizes)} fit" if total else ""
    have = "has another size" if len(sizes) == 1 else "have other sizes"
    message = (
        f"The checkpoint '{path}' is for another model: {counted(len(sizes), 'weight')} {have}{fits}. "
        f"The first is {name}, {_written(here)} in {where} and {_written(there)} in the checkpoint."
    )
    return InputError(message, hint=other_sizes)


def _with_count(hint: str, count: int) -> str:
    """A hint with the number of classes in the place of N."""

    def filled(text: str) -> str:
        return re.sub(r"\bN\b", str(count), text, count=1)

    return hint.map(filled) if isinstance(hint, Hint) else filled(hint)


def _lacking(
    lacking: Sequence[str],
    expected: Sequence[str],
    shapes: Mapping[str, Any],
    unexpected: Sequence[str],
    given: Mapping[str, Any],
    *,
    path: object,
    where: str,
    hint: str,
) -> InputError:
    """The error for parameters that are not in the checkpoint."""
    names = [f"{name} {_written(shapes[name] or ())}" for name in lacking[:_SHOWN]]
    shown = ", ".join(names) + (", ..." if len(lacking) > _SHOWN else "")
    of, are = counted(len(expected), "weight"), "is" if len(lacking) == 1 else "are"
    message = (
        f"The checkpoint '{path}' does not fit {where}: {len(lacking)} of {of} {are} not in it "
        f"({shown}), and would be random."
    )
    instead = [f"{name} {_written(given[name].shape)}" if name in given else name for name in unexpected[:_SHOWN]]
    holds = f"It holds {', '.join(instead)}{', ...' if len(unexpected) > _SHOWN else ''} instead. " if instead else ""
    only_head = all(HEAD.search(name) for name in lacking)
    if only_head and not unexpected:
        text = "Give a checkpoint with its trained head, or try the model with"
        return InputError(message, hint=Hint(text, random_weights=True))
    return InputError(f"{message} {holds}".strip(), hint=hint)


def _notes(missing: Sequence[str], unexpected: Collection[str]) -> tuple[str, ...]:
    notes = []
    if missing:
        count = f"{len(missing)} buffers, which keep their" if len(missing) > 1 else "1 buffer, which keeps its"
        notes.append(f"The checkpoint lacks {count} initial values ({_some(missing)}).")
    if unexpected:
        count = (
            f"{len(unexpected)} entries of the checkpoint are"
            if len(unexpected) > 1
            else "1 entry of the checkpoint is"
        )
        notes.append(f"{count} not used ({_some(list(unexpected))}).")
    return tuple(notes)


def _check_depth(module: nn.Module, unexpected: Iterable[str], *, path: object, where: str) -> None:
    """Raise `InputError` if the checkpoint has more layers in a list of layers than the model."""
    from torch import nn

    kinds = nn.Sequential | nn.ModuleList | nn.ModuleDict
    lists = {name: dict(part.named_children()) for name, part in module.named_modules() if isinstance(part, kinds)}
    for name in unexpected:
        parts = name.split(".")
        for at, part in enumerate(parts[:-1]):
            layers = lists.get(".".join(parts[:at]), {})
            alike = [other for other in layers if _NUMBER.sub("", other) == _NUMBER.sub("", part)]
            if len(alike) > 1 and part not in layers and _NUMBER.search(part):
                message = (
                    f"The checkpoint '{path}' is for another model: it has a layer {'.'.join(parts[: at + 1])}, and "
                    f"{where} has {counted(len(alike), 'layer')} there."
                )
                raise InputError(message, hint="Give the model that it was trained with, which is deeper.")


def _known(module: nn.Module, missing: Iterable[str]) -> list[str]:
    """Missing names without counters of batch norms, and without those whose tensor is there by another name."""
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if not missing:
        return []
    values = dict(module.state_dict(keep_vars=True))
    absent = set(missing)
    there = {id(value) for name, value in values.items() if name not in absent}
    return [name for name in missing if id(values.get(name)) not in there]


def _shape(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))


def _written(shape: Iterable[int]) -> str:
    return f"({', '.join(map(str, shape))})"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
