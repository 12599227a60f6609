"""Load models by the names that users give them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from camctl import registry
from camctl.errors import Hint, InputError
from camctl.kit.checkpoints import NAMED, OWN_NAMES
from camctl.kit.data_sets import synonyms
from camctl.kit.name_files import given_names, names_beside
from camctl.kit.state_dicts import LEFT_OUT
from camctl.pipeline.watching import watcher
from camctl.plugin import LoadedModel, LoadOptions
from camctl.plugin.models import Precision
from camctl.values.texts import counted

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from camctl.plugin import OutputKind
    from camctl.values.output import Output

    AnyModel = LoadedModel | nn.Module | str | os.PathLike[str]


def load(  # noqa: PLR0913
    model: AnyModel,
    checkpoint: str | Path | None = None,
    *,
    device: str = "cpu",
    random_weights: bool = False,
    seed: int = 0,
    trust_checkpoint: bool = False,
    weights: str | None = None,
    repairs: bool = True,
    cfg_options: Mapping[str, Any] | None = None,
    labels: Sequence[str] | Mapping[Any, Any] | str = (),
    output: OutputKind | None = None,
    head: str | int | None = None,
    precision: Precision = "float32",
    progress: Callable[[str, int, int], None] | None = None,
) -> LoadedModel:
    """Load a classifier.

    Parameters
    ----------
    model
        A config file, a model name of mmpretrain, or `source:reference`, such as `demo:vit`; or a module of your own,
        or what `load` returned, which is not loaded again: only `labels`, `output` and `head` are for it.
    checkpoint
        A file or an http(s) address; None takes the published weights of a model name.
    device
        `cpu`, `cuda`, `cuda:1`, `mps` or `auto`.
    random_weights
        Draw all weights at random, to try things without a checkpoint.
    seed
        Seed for random weights.
    trust_checkpoint
        Let the checkpoint run code while it is read.
    weights
        Which weights of a checkpoint that holds several: `ema` (averaged), `plain`, or the key under which they lie.
    repairs
        Repair known defects of the model's own library.
    cfg_options
        Settings of a config file to override.
    labels
        Names of the classes, one per class, or a table by index (`{0: "cat"}`) or by name (`{"cat": 0}`); for a
        zero-shot model (CLIP) the texts to score pictures against. One text is a file with a name per line (or CSV,
        JSON, YAML), names with commas, or `imagenet`, `imagenet22k`, `coco`.
    output
        What the model's output is, if that cannot be found out: `logits`, `probabilities`, `log-probabilities`,
        `sigmoid` (probabilities that do not exclude each other), `values` (a regression's), `embedding`, `dense` or
        `boxes`.
    head
        Name or index of the head to explain, of several.
    precision
        How float32 arithmetic is done: `float32` means what it says, also on CUDA; `tf32` allows CUDA's faster products
        with 10 bits of mantissa; `bf16` and `fp16` compute what bears it in half precision (autocast).
    progress
        Called as `progress(text, done, total)` while a file is downloaded; without it a notebook shows a bar.

    Returns
    -------
    LoadedModel
        The model, ready for `explain` and `compare`.

    Raises
    ------
    InputError
        Something that the user can mend.
    PluginError
        A source fails.

    Examples
    --------
    >>> import camctl
    >>> model = camctl.load("demo:resnet")
    >>> model.class_names[:2]
    ('cat', 'dog')
    """
    options = LoadOptions(
        random_weights=random_weights,
        seed=seed,
        trust_checkpoint=trust_checkpoint,
        weights=weights,
        repairs=repairs,
        cfg_options=cfg_options or {},
        labels=given_names(labels),
        output=output,
        head=head,
        progress=watcher(progress, in_bytes=True),
    )
    file = str(checkpoint) if checkpoint is not None else None
    if isinstance(model, str | os.PathLike):
        loaded = _read(str(model), file, device, options)
        if file is None:  # how published weights are kept is nobody's concern
            loaded = _without(loaded, NAMED, LEFT_OUT)
    else:
        _check_ready(file, device, options)
        loaded = loaded_of(model)
    if output is not None:
        loaded = replace(loaded, output=output, output_by="you")
    if head is not None:
        loaded = replace(loaded, head=head)
    if precision not in ("float32", loaded.precision):
        loaded = _at_precision(loaded, precision)
    if options.labels:
        loaded = _renamed(_without(loaded, NAMED, OWN_NAMES), options.labels)
    elif loaded.class_names is None and file is not None:
        loaded = _named_beside(loaded, file)
    return replace(loaded, synonyms=synonyms(loaded.class_names)) if loaded.class_names else loaded


def _read(model: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
    """Return the model that a source loads by the user's name for it."""
    source, reference = registry.split_model(model)
    picked = registry.pick("source", source)
    if options.weights is not None and options.random_weights:
        message = f"The weights '{options.weights}' of a checkpoint are asked for, and random ones as well."
        raise InputError(message, hint=Hint("Leave out one of them", weights=options.weights, random_weights=True))
    loaded: LoadedModel = picked.plugin.load(reference, checkpoint, _device(device), options)
    return loaded


def _at_precision(loaded: LoadedModel, precision: Precision) -> LoadedModel:
    """Return the model with its float32 arithmetic done at another precision. Raises `InputError`."""
    if loaded.precision != "float32":
        message = f"The model was loaded at precision {loaded.precision} already."
        raise InputError(message, hint="Load it again from where it came.")
    if precision not in get_args(Precision):
        raise InputError(f"'{precision}' is no precision.", hint=f"Choose from: {', '.join(get_args(Precision))}.")
    from camctl.engine.precision import cast

    on_cuda = any(parameter.device.type == "cuda" for parameter in loaded.module.parameters())
    note = () if precision != "tf32" or on_cuda else ("Precision tf32 changes nothing without a CUDA device.",)
    notes = (*loaded.notes, *note)
    return replace(loaded, forward=cast(loaded.forward, precision), precision=precision, notes=notes)


def _check_ready(checkpoint: str | None, device: str, options: LoadOptions) -> None:
    """Raise `InputError` for a keyword that a module of the user's own is beyond."""
    asked = {
        "checkpoint": checkpoint,
        "random_weights": options.random_weights,
        "weights": options.weights,
        "cfg_options": options.cfg_options,
        "device": device.strip().casefold() != "cpu",
    }
    names = [name for name, value in asked.items() if value]
    if names:
        message = f"The model is a module already, and {' and '.join(names)} would change it."
        hint = "Do that to the module itself, with load_state_dict and to, before you give it to camctl."
        raise InputError(message, hint=hint)


def _device(name: str) -> str:
    """Turn `cpu`, `cuda`, `cuda:1`, `mps` or `auto` (the fastest available) into a torch device's name."""
    wanted = name.strip().casefold()
    kind, colon, number = wanted.partition(":")
    if kind not in {"cpu", "cuda", "mps", "auto"} or (colon and (kind != "cuda" or not number.isdecimal())):
        raise InputError(f"'{name}' is not a device.", hint="Choose from: cpu, cuda, cuda:0, mps, auto.")
    if kind == "cpu":
        return wanted
    import torch

    if kind == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    hint = Hint("Let camctl choose the fastest available", device="auto")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("There is no MPS device that torch can use here.", hint=hint)
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no CUDA device that torch can use here.", hint=hint)
    if number and int(number) >= torch.cuda.device_count():
        message = f"There is no device {wanted}: torch sees {torch.cuda.device_count()} CUDA device(s)."
        raise InputError(message, hint=hint)
    return wanted


def _renamed(loaded: LoadedModel, labels: tuple[str, ...]) -> LoadedModel:
    """Return the model with other class names, after one run on noise to count its classes. Raises `InputError`."""
    if loaded.class_names == labels:
        return loaded
    count, output = _count(loaded, labels)
    if len(labels) != count and (len(labels), count) != (1, 2):
        raise _wrong_number(len(labels), count, output)
    return replace(loaded, class_names=labels)


def _without(loaded: LoadedModel, *patterns: str) -> LoadedModel:
    """Return the model without the notes of these patterns."""
    notes = (note for note in loaded.notes if not any(re.fullmatch(pattern, note) for pattern in patterns))
    return replace(loaded, notes=tuple(notes))


def _wrong_number(labels: int, count: int, output: Output) -> InputError:
    """Return the error for a number of labels that no head has columns for."""
    given = f"{counted(labels, 'label')} {'was' if labels == 1 else 'were'}"
    text = "Give one label per class, in the order of the outputs; a file has one per line"
    if output.others:
        classes = f"the head {output.head} has {counted(count, 'class')} (of {output.listed(*output.heads)})"
        hint = Hint(text, head=output.others[0], labels="classes.txt")
    else:
        classes, hint = f"the model has {counted(count, 'class')}", Hint(text, labels="classes.txt")
    return InputError(f"{given} given, and {classes}.", hint=hint)


def _named_beside(loaded: LoadedModel, checkpoint: str) -> LoadedModel:
    """Return the model with the class names in a file next to its checkpoint, and a note about it."""
    beside = names_beside(checkpoint)
    if beside is None:
        return loaded
    file, names = beside
    count, _ = _count(loaded, names)
    if len(names) != count and (len(names), count) != (1, 2):
        given, classes = counted(len(names), "name"), counted(count, "class")
        note = f"{file.name} next to the checkpoint is not used: {given}, and the model has {classes}."
        return replace(loaded, notes=(*loaded.notes, note))
    note = f"The class names are those in {file.name} next to the checkpoint."
    return replace(loaded, class_names=names, notes=(*loaded.notes, note))


def _count(loaded: LoadedModel, names: tuple[str, ...]) -> tuple[int, Output]:
    """Count the classes, by one run on noise; of several heads those of the one that has these names.

    Returns the count and what the output is.
    """
    import torch

    from camctl.engine.model_state import untouched
    from camctl.engine.output import OutputReader
    from camctl.engine.view import inputs_of

    read = OutputReader(replace(loaded, class_names=names))
    with torch.no_grad(), untouched(loaded.module):
        count = int(read(inputs_of(loaded, None)).shape[1])
    assert read.output is not None  # noqa: S101 - it ran
    return count, read.output


def loaded_of(model: AnyModel) -> LoadedModel:
    """Return a model that is given as loaded, as a text that `load` takes, or as a module of the user's own."""
    if isinstance(model, LoadedModel):
        return model
    if isinstance(model, str | os.PathLike):
        return load(model)
    import torch

    if not isinstance(model, torch.nn.Module):
        message = f"A {type(model).__name__} is no model."
        hint = "Give an nn.Module, what camctl.load returns, or the text that it takes. A state dict needs its module."
        raise InputError(message, hint=hint)
    wrapped: LoadedModel = registry.pick("source", "python").plugin.wrap(model)
    return wrapped
