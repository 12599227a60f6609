"""The source `python`: the user's own code, `python:package.module:factory`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from camctl.errors import InputError
from camctl.kit.bands import input_shape
from camctl.kit.checkpoints import OWN_NAMES, Weights
from camctl.kit.class_names import as_names
from camctl.kit.downloads import load_weights
from camctl.kit.fitting import fit
from camctl.kit.importing import importable, refuse_options
from camctl.kit.plain_preprocess import plain_preprocess
from camctl.kit.random_weights import randomise, seeded, settle
from camctl.kit.reporting import reported
from camctl.kit.untrained import looks_untrained
from camctl.plugin import LoadedModel, LoadOptions, OutputKind, Source

if TYPE_CHECKING:
    from torch import Tensor, nn

KINDS = get_args(OutputKind)

SCORES = ("softmax", "sigmoid")

UNTRAINED = "The model looks untrained: its weights are as initialised, and the map means nothing. Give a checkpoint."
PROGRAM = (
    "Return the Python model, and give its state dict as the checkpoint; or save the program, and give it as a black "
    "box: torchscript:FILE."
)
_USAGE = "Write python:package.module:factory, where factory() returns the model."


class PythonSource(Source):
    """A function without arguments, an nn.Module or a `LoadedModel` in any importable Python file."""

    summary = "Your own nn.Module: python:package.module:factory, importable from the current folder too."
    example = "package.module:factory"
    own_weights = True

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Call the factory and load its model.

        A plain module may have attributes `input_size`, `mean`, `std`, `crop_pct`, `class_names`, a callable
        `preprocess`, and `output` and `score`, which say what its output is.
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
            made = _make(reference, options.cfg_options)
        loaded = made if isinstance(made, LoadedModel) else None
        module = _unwrapped(loaded.module if loaded else made)
        if not isinstance(module, nn.Module):
            message = f"'{reference}' returned {type(module).__name__}; expected nn.Module or LoadedModel."
            raise InputError(message, hint=_USAGE)
        if isinstance(module, torch.jit.ScriptModule):
            message = f"'{reference}' returned a program of TorchScript, which cannot be looked into."
            raise InputError(message, hint=PROGRAM)
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
            settle(module, model.forward, input_shape(model.preprocess, model.input_size, model.bands), options.seed)
        names = model.class_names or (weights.class_names if weights and not loaded else None)
        named = _naming(weights, names, own=bool(model.class_names)) if weights else ()
        return replace(
            model,
            class_names=names,
            checkpoint=weights.origin if weights else model.checkpoint,
            random_weights=options.random_weights or (model.random_weights and weights is None),
            notes=(*notes, *named, *model.notes),
        )

    def wrap(self, module: nn.Module, *, name: str = "") -> LoadedModel:
        """Make a `LoadedModel` of a module without changing it; `name` is its class's name by default."""
        module = _unwrapped(module)
        name = name or type(module).__name__
        prepared = plain_preprocess(module)
        named = getattr(module, "class_names", None)
        names = as_names(named)
        unread = "" if named is None or names else "The module's `class_names` are not used: they are no list of texts."
        return LoadedModel(
            name=name,
            source="python",
            module=module,
            forward=_make_forward(module),
            preprocess=prepared.preprocess,
            input_size=prepared.size,
            bands=prepared.bands,
            class_names=names,
            notes=tuple(note for note in (prepared.note, unread) if note),
            resizing=prepared.resizing,
            **_said(module),
        )


def _make(reference: str, options: Mapping[str, Any]) -> Any:
    """Import what the reference names, and call it with the config options if it is a factory.

    What user code prints goes to stderr.
    """
    from torch import nn

    path, _, attribute = reference.partition(":")
    if not path or not attribute:
        message = f"'{reference}' does not say where the model is."
        raise InputError(message, hint=_USAGE)
    with importable(), redirect_stdout(sys.stderr):
        factory = _attribute(_module(path), attribute, path)
        if isinstance(factory, nn.Module | LoadedModel):
            refuse_options(options, f"'{reference}'")
            return factory
        if not callable(factory):
            message = f"'{attribute}' in {path} is a {type(factory).__name__}, neither a model nor a function."
            raise InputError(message, hint=_USAGE)
        hint = f"Try it: python -c 'import {path}; {path}.{attribute}()'"
        with reported(f"{path}:{attribute}() failed", hint, module=path):
            _check_arguments(factory, reference, options)
            return factory(**options)


def _check_arguments(factory: Callable[..., Any], reference: str, options: Mapping[str, Any]) -> None:
    """Raise `InputError` for config options that a factory has no arguments for."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # some callables of other languages do not tell
        return
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        refuse_options(options, f"'{reference}'", [each.name for each in parameters if each.kind in named])


def _missing(path: str) -> InputError:
    message = f"There is no Python module '{path}' in the current folder or among the installed packages."
    if path.endswith(".py"):
        return InputError(message, hint=f"Leave out its ending: python:{path.removesuffix('.py')}:factory")
    with suppress(OSError):
        close = get_close_matches(path, [file.stem for file in Path.cwd().glob("*.py")], n=1)
        if close:
            return InputError(message, hint=f"Did you mean python:{close[0]}:factory?")
    return InputError(message, hint=f"{_USAGE} Run this in the folder that holds it.")


def _module(path: str) -> Any:
    with reported(f"'{path}' cannot be imported", f"Try it: python -c 'import {path}'", module=path):
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


def _naming(weights: Weights, names: tuple[str, ...] | None, *, own: bool) -> tuple[str, ...]:
    """Return a note on whose class names are used, if the checkpoint has some; `own` are the module's."""
    if not own:
        return weights.naming(names)
    others = weights.class_names
    return (OWN_NAMES,) if others and names and others != names and len(others) == len(names) else ()


def _unwrapped(module: Any) -> Any:
    """The model inside parallel wrappers, to which hooks and layer names belong."""
    from torch import nn

    while isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        module = module.module
    return module


def _make_forward(module: nn.Module) -> Callable[[Tensor], Any]:
    """Make a function from a batch (N, C, h, w) to the module's output, on the module's device."""

    def forward(batch: Tensor) -> Any:
        first = next(module.parameters(), None)
        return module(batch if first is None else batch.to(first.device))

    return forward


def _said(module: nn.Module) -> dict[str, Any]:
    """Return what the module's attributes `output` and `score` say about its output. Raises `InputError`."""
    output, score = (_word(module, name, known) for name, known in (("output", KINDS), ("score", SCORES)))
    said: dict[str, Any] = {"output": output, "output_by": "module"} if output else {}
    return said | ({"score": score} if score else {})


def _word(module: nn.Module, name: str, known: Sequence[str]) -> str:
    """Return one of the known words that an attribute holds; empty for anything else, which has another meaning."""
    value = getattr(module, name, None)
    word = value.strip().casefold() if isinstance(value, str) else ""
    if word and word not in known and get_close_matches(word, known, n=1, cutoff=0.8):
        message = f"The module's attribute {name} is '{value}'."
        raise InputError(message, hint=f"Choose from: {', '.join(known)}.")
    return word if word in known else ""
