"""Load models by the names that users give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.errors import Hint, InputError
from camctl.plugin import LoadedModel, LoadOptions

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

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
    labels: Sequence[str] = (),
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
        Names of the classes, one per class; for a zero-shot model (CLIP) the texts to score pictures against.
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
        labels=tuple(labels),
        progress=progress,
    )
    file = str(checkpoint) if checkpoint is not None else None
    loaded = picked.plugin.load(reference, file, _device(device), options)
    return _renamed(loaded, options.labels) if options.labels else loaded


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
    import torch

    from camctl.engine.model_state import untouched
    from camctl.engine.predictions import class_logits
    from camctl.engine.view import inputs_of

    with torch.no_grad(), untouched(loaded.module):
        count = class_logits(loaded.forward)(inputs_of(loaded, None)).shape[1]
    if len(labels) != count:
        message = f"{len(labels)} labels were given, and the model has {count} classes."
        text = "Give one label per class, in the order of the outputs; a file has one per line"
        raise InputError(message, hint=Hint(text, labels="classes.txt"))
    return replace(loaded, class_names=labels)


def loaded_of(model: AnyModel) -> LoadedModel:
    """Return a model that is given as loaded, as a text that `load` takes, or as a module of the user's own."""
    if isinstance(model, LoadedModel):
        return model
    if isinstance(model, str):
        return load(model)
    wrapped: LoadedModel = registry.pick("source", "python").plugin.wrap(model)
    return wrapped
