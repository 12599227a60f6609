"""The source `python`: the user's own code, `python:package.module:factory`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.kit.checkpoints import as_names
from camctl.kit.downloads import load_weights
from camctl.kit.fitting import fit
from camctl.kit.importing import importable
from camctl.kit.random_weights import randomise, seeded, settle
from camctl.kit.untrained import looks_untrained
from camctl.plugin import LoadedModel, LoadOptions, Source
from camctl.sources.plain_preprocess import plain_preprocess
from camctl.sources.reporting import reported

if TYPE_CHECKING:
    from torch import Tensor, nn

UNTRAINED = "The model's weights are as it was initialised, untrained: the map then means nothing. Give a checkpoint."
_USAGE = "Write python:package.module:factory, where factory() returns the model."


class PythonSource(Source):
    """A function without arguments, an nn.Module or a `LoadedModel` in any importable Python file."""

    summary = "Your own nn.Module: python:package.module:factory, importable from the current folder too."
    example = "package.module:factory"
    own_weights = True

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Call the factory and load its model.

        A plain module may have attributes `input_size`, `mean`, `std`, `class_names` and a callable `preprocess`.
        Raises `InputError` if the module, the factory or its result is wrong.
        """
        path = reference.partition(":")[0]
        top = path.partition(".")[0]
        with importable():  # a missing module is reported before the seconds that torch takes
            if top and top not in sys.modules and importlib.util.find_spec(top) is None:
                raise _missing(path)
        import torch
        from torch import nn

        weights = load_weights(checkpoint, options)
        with seeded(options.seed):
            made = _make(reference)
        loaded = made if isinstance(made, LoadedModel) else None
        module = _unwrapped(loaded.module if loaded else made)
        if not isinstance(module, nn.Module):
            message = f"'{reference}' returned {type(module).__name__}; expected nn.Module or LoadedModel."
            raise InputError(message, hint=_USAGE)
        if isinstance(module, torch.jit.ScriptModule):
            message = f"'{reference}' returned a program of TorchScript, which cannot be looked into."
            raise InputError(message, hint="Return the Python model, and give its state dict as the checkpoint.")
        notes: tuple[str, ...] = ()
        if weights is not None:
            hint = f"Make '{reference}' build a model with N classes."
            notes = fit(module, weights, hint=hint, where=f"'{reference}'")
        elif options.random_weights:
            randomise(module, options.seed)
        elif looks_untrained(module):
            notes = (UNTRAINED,)
        module.eval()  # no chaining: mmpretrain's backbones return nothing here
        module.to(device)
        # The functions of a `LoadedModel` may close over its module, which stays the same object.
        model = loaded or self.wrap(module, name=f"python:{reference}")
        if options.random_weights and not loaded:
            settle(module, model.forward, (3, *model.input_size), options.seed)
        return replace(
            model,
            class_names=model.class_names or (weights.class_names if weights and not loaded else None),
            checkpoint=weights.origin if weights else model.checkpoint,
            random_weights=options.random_weights or (model.random_weights and weights is None),
            notes=(*notes, *model.notes),
        )

    def wrap(self, module: nn.Module, *, name: str = "") -> LoadedModel:
        """Make a `LoadedModel` of a module without changing it; `name` is its class's name by default."""
        module = _unwrapped(module)
        name = name or type(module).__name__
        preprocess, input_size, note = plain_preprocess(module)
        return LoadedModel(
            name=name,
            source="python",
            module=module,
            forward=_make_forward(module, name.removeprefix("python:")),
            preprocess=preprocess,
            input_size=input_size,
            class_names=as_names(getattr(module, "class_names", None)),
            notes=(note,) if note else (),
        )


def _make(reference: str) -> Any:
    """Import what the reference names, and call it if it is a factory. What user code prints goes to stderr."""
    from torch import nn

    path, _, attribute = reference.partition(":")
    if not path or not attribute:
        message = f"'{reference}' does not say where the model is."
        raise InputError(message, hint=_USAGE)
    with importable(), redirect_stdout(sys.stderr):
        factory = _attribute(_module(path), attribute, path)
        if isinstance(factory, nn.Module | LoadedModel):
            return factory
        if not callable(factory):
            message = f"'{attribute}' in {path} is a {type(factory).__name__}, neither a model nor a function."
            raise InputError(message, hint=_USAGE)
        with reported(f"{path}:{attribute}() failed", f"Try it: python -c 'import {path}; {path}.{attribute}()'"):
            return factory()


def _missing(path: str) -> InputError:
    message = f"There is no Python module '{path}' in the current folder or among the installed packages."
    return InputError(message, hint=f"{_USAGE} Run this in the folder that holds it.")


def _module(path: str) -> Any:
    with reported(f"'{path}' cannot be imported", f"Try it: python -c 'import {path}'"):
        try:
            return importlib.import_module(path)
        except ModuleNotFoundError as error:
            if error.name and (path == error.name or path.startswith(f"{error.name}.")):
                raise _missing(path) from error
            message = f"'{path}' imports '{error.name}', which is not installed."
            raise InputError(message, hint="Install it into this environment.") from error


def _attribute(module: Any, attribute: str, path: str) -> Any:
    value = module
    for part in attribute.split("."):
        if not hasattr(value, part):
            close = get_close_matches(part, [name for name in dir(value) if not name.startswith("_")], n=3)
            message = f"There is no '{attribute}' in the Python module '{path}'."
            raise InputError(message, hint=f"Did you mean {' or '.join(close)}?" if close else _USAGE)
        value = getattr(value, part)
    return value


def _unwrapped(module: Any) -> Any:
    """The model inside parallel wrappers, to which hooks and layer names belong."""
    from torch import nn

    while isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        module = module.module
    return module


def _make_forward(module: nn.Module, reference: str) -> Callable[[Tensor], Tensor]:
    """Make a function from a batch (N, 3, h, w) to logits (N, classes), wherever they are in the output."""

    def forward(batch: Tensor) -> Tensor:
        first = next(module.parameters(), None)
        output = module(batch if first is None else batch.to(first.device))
        logits = _logits(output)
        if logits is None:
            shape = getattr(output, "shape", None)
            found = f"shape {tuple(shape)}" if shape is not None else f"{type(output).__name__} without logits"
            message = f"'{reference}' outputs {found}; expected one score a class (N, classes)."
            raise InputError(message, hint="Return logits, or an object with `.logits`.")
        return logits

    return forward


def _logits(output: Any) -> Tensor | None:
    """Logits in a model's output: `.logits`, ["logits"], or the first tensor of two dimensions; None if missing."""
    import torch

    if isinstance(output, torch.Tensor):
        return output if output.dim() == 2 else None  # noqa: PLR2004
    inner = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else ()
    values = values if inner is None else (inner,)
    return next((logits for logits in map(_logits, values) if logits is not None), None)
