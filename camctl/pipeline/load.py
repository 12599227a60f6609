"""Load models by the names that users give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.errors import Hint, InputError
from camctl.kit.data_sets import synonyms
from camctl.kit.name_files import given_names, names_beside
from camctl.plugin import LoadedModel, LoadOptions

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from camctl.plugin import OutputKind

    AnyModel = LoadedModel | nn.Module | str


def load(  # noqa: PLR0913
    model: str,
    checkpoint: str | Path | None = None,
    *,
    device: str = "cpu",
    random_weights: bool = False,
    seed: int = 0,
    trust_checkpoint: bool = False,
    weights: str | None = None,
    repairs: bool = True,
    cfg_options: Mapping[str, Any] | None = None,
    labels: Sequence[str] | str = (),
    output: OutputKind | None = None,
    head: str | int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> LoadedModel:
    """Load a classifier.

    Parameters
    ----------
    model
        A config file, a model name of mmpretrain, or `source:reference`, such as `demo:vit`.
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
        Names of the classes, one per class; for a zero-shot model (CLIP) the texts to score pictures against. One text
        is a file with a name per line (or CSV, JSON, YAML), names with commas, or `imagenet`, `imagenet22k`, `coco`.
    output
        What the model's output is, if that cannot be found out: `logits`, `probabilities`, `log-probabilities`,
        `sigmoid` (probabilities that do not exclude each other), `values` (a regression's), `embedding`, `dense` or
        `boxes`.
    head
        Name or index of the head to explain, of several.
    progress
        Called as `progress(text, done, total)` while a file is downloaded.

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
    source, reference = registry.split_model(model)
    picked = registry.pick("source", source)
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
        progress=progress,
    )
    if weights is not None and random_weights:
        message = f"The weights '{weights}' of a checkpoint are asked for, and random ones as well."
        raise InputError(message, hint=Hint("Leave out one of them", weights=weights, random_weights=True))
    file = str(checkpoint) if checkpoint is not None else None
    loaded: LoadedModel = picked.plugin.load(reference, file, _device(device), options)
    if output is not None:
        loaded = replace(loaded, output=output, output_by="you")
    if head is not None:
        loaded = replace(loaded, head=head)
    if options.labels:
        loaded = _renamed(loaded, options.labels)
    elif loaded.class_names is None and file is not None:
        loaded = _named_beside(loaded, file)
    return replace(loaded, synonyms=synonyms(loaded.class_names)) if loaded.class_names else loaded


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
    count = _count(loaded, labels)
    if len(labels) != count and (len(labels), count) != (1, 2):
        message = f"{len(labels)} labels were given, and the model has {count} classes."
        text = "Give one label per class, in the order of the outputs; a file has one per line"
        raise InputError(message, hint=Hint(text, labels="classes.txt"))
    return replace(loaded, class_names=labels)


def _named_beside(loaded: LoadedModel, checkpoint: str) -> LoadedModel:
    """Return the model with the class names in a file next to its checkpoint, and a note about it."""
    beside = names_beside(checkpoint)
    if beside is None:
        return loaded
    file, names = beside
    count = _count(loaded, names)
    if len(names) != count and (len(names), count) != (1, 2):
        note = f"{file.name} next to the checkpoint is not used: {len(names)} names, and the model has {count} classes."
        return replace(loaded, notes=(*loaded.notes, note))
    note = f"The class names are those in {file.name} next to the checkpoint."
    return replace(loaded, class_names=names, notes=(*loaded.notes, note))


def _count(loaded: LoadedModel, names: tuple[str, ...]) -> int:
    """Count the classes, by one run on noise; of several heads those of the one that has these names."""
    import torch

    from camctl.engine.model_state import untouched
    from camctl.engine.output import OutputReader
    from camctl.engine.view import inputs_of

    read = OutputReader(replace(loaded, class_names=names))
    with torch.no_grad(), untouched(loaded.module):
        return int(read(inputs_of(loaded, None)).shape[1])


def loaded_of(model: AnyModel) -> LoadedModel:
    """Return a model that is given as loaded, as a text that `load` takes, or as a module of the user's own."""
    if isinstance(model, LoadedModel):
        return model
    if isinstance(model, str):
        return load(model)
    wrapped: LoadedModel = registry.pick("source", "python").plugin.wrap(model)
    return wrapped
