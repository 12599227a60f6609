"""The user's own code: `python:package.module:factory` gives an nn.Module or a LoadedModel."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.kit.checkpoints import as_names, read_checkpoint
from camctl.kit.downloads import check_checkpoint, local_file
from camctl.kit.fitting import fit
from camctl.kit.random_weights import randomise, seeded, settle
from camctl.plugin import Checkpoint, LoadedModel, LoadOptions, Source
from camctl.sources.plain_preprocess import plain_preprocess

if TYPE_CHECKING:
    from torch import Tensor, nn

_USAGE = "Write python:package.module:factory, where factory() returns the model."


class PythonSource(Source):
    """A function without arguments, a module or a `LoadedModel` in any importable Python file."""

    summary = "Your own nn.Module: python:package.module:factory, importable from the current folder too."
    example = "package.module:factory"
    own_weights = True

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Call the factory and make its model ready.

        A plain module may carry `input_size`, `mean`, `std`, `class_names` and a callable `preprocess`.
        Raises InputError where the module, the factory or its result is not what it ought to be.
        """
        with _current_folder():
            _exists(reference.partition(":")[0])
        from torch import nn

        check_checkpoint(checkpoint, options)
        weights = None
        if checkpoint is not None:
            weights = read_checkpoint(local_file(checkpoint, options), trust=options.trust_checkpoint)
        with seeded(options.seed):
            made = _make(reference)
        name = f"python:{reference}"
        loaded = made if isinstance(made, LoadedModel) else None
        module = _unwrapped(loaded.module if loaded else made)
        if not isinstance(module, nn.Module):
            message = f"'{reference}' gives a {type(module).__name__}, not an nn.Module or a LoadedModel."
            raise InputError(message, hint=_USAGE)
        notes: tuple[str, ...] = ()
        if weights is not None:
            notes = fit(module, weights, hint=f"Make '{reference}' build a model with N classes.")
        elif options.random_weights:
            randomise(module, options.seed)
        module.eval()  # what it gives back is not to be relied on: mmpretrain's backbones give nothing
        module.to(device)
        source = None if weights is None or checkpoint is None else Checkpoint(path=checkpoint, sha256=weights.sha256)
        if loaded is not None:
            # Its own functions may close over the module, which is therefore kept as it is.
            return replace(
                loaded,
                checkpoint=source or loaded.checkpoint,
                random_weights=options.random_weights or (loaded.random_weights and weights is None),
                notes=(*loaded.notes, *notes),
            )
        wrapped = self.wrap(module, name=name)
        if options.random_weights:
            settle(module, wrapped.forward, (3, *wrapped.input_size), options.seed)
        return replace(
            wrapped,
            class_names=wrapped.class_names or (weights.class_names if weights else None),
            checkpoint=source,
            random_weights=options.random_weights,
            notes=(*notes, *wrapped.notes),
        )

    def wrap(self, module: nn.Module, *, name: str = "") -> LoadedModel:
        """A module of the user's own as it is, without a change to it; `name` is its class's by default."""
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
    """What the reference names, called where it is a factory."""
    path, colon, attribute = reference.partition(":")
    if not path or (colon and not attribute) or not colon:
        message = f"'{reference}' does not say where the model is."
        raise InputError(message, hint=_USAGE)
    with _current_folder():
        found = _attribute(_module(path), attribute, path)
        if _is_model(found):
            return found
        if not callable(found):
            message = f"'{attribute}' in {path} is a {type(found).__name__}, neither a model nor a function."
            raise InputError(message, hint=_USAGE)
        try:
            return found()
        except (Exception, SystemExit) as error:
            text = " ".join(str(error).split())
            message = f"{path}:{attribute}() failed: {type(error).__name__}{f': {text}' if text else ''}"
            raise InputError(message, hint=f"Try it: python -c 'import {path}; {path}.{attribute}()'") from error


@contextmanager
def _current_folder() -> Iterator[None]:
    """A console script does not look into the current folder; `python -m` does, and so do we."""
    here = str(Path.cwd())
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.insert(0, here)
    try:
        yield
    finally:
        if here in sys.path:
            sys.path.remove(here)


def _exists(path: str) -> None:
    """Say that a module is not there before the seconds that torch takes."""
    importlib.invalidate_caches()
    top = path.partition(".")[0]
    if top and top not in sys.modules and importlib.util.find_spec(top) is None:
        raise _missing(path)


def _missing(path: str) -> InputError:
    message = f"There is no Python module '{path}' here or among the installed packages."
    return InputError(message, hint=f"{_USAGE} Start camctl in the folder that holds it.")


def _module(path: str) -> Any:
    importlib.invalidate_caches()
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name and (path == error.name or path.startswith(f"{error.name}.")):
            raise _missing(path) from error
        message = f"'{path}' imports '{error.name}', which is not installed."
        raise InputError(message, hint="Install it into the environment that camctl runs in.") from error
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        message = f"'{path}' cannot be imported: {type(error).__name__}: {text}"
        raise InputError(message, hint=f"Try it: python -c 'import {path}'") from error


def _attribute(module: Any, attribute: str, path: str) -> Any:
    found = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            close = get_close_matches(part, [each for each in dir(found) if not each.startswith("_")], n=3)
            message = f"There is no '{attribute}' in the Python module '{path}'."
            raise InputError(message, hint=f"Did you mean {' or '.join(close)}?" if close else _USAGE)
        found = getattr(found, part)
    return found


def _is_model(found: Any) -> bool:
    from torch import nn

    return isinstance(found, nn.Module | LoadedModel)


def _unwrapped(module: Any) -> Any:
    """What a parallel wrapper wraps: hooks and layer names belong to the model itself."""
    from torch import nn

    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    while isinstance(module, wrappers):
        module = module.module
    return module


def _make_forward(module: nn.Module, reference: str) -> Callable[[Tensor], Tensor]:
    """Batch (N, 3, h, w) -> logits (N, classes), whatever the model wraps them in."""

    def forward(batch: Tensor) -> Tensor:
        first = next(module.parameters(), None)
        output = module(batch if first is None else batch.to(first.device))
        logits = _logits(output)
        if logits is None:
            shape = getattr(output, "shape", None)
            given = f"a tensor {tuple(shape)}" if shape is not None else f"a {type(output).__name__} without logits"
            message = f"'{reference}' answers with {given}, not one score a class (N, classes)."
            raise InputError(message, hint="Return logits, or an object with `.logits`.")
        return logits

    return forward


def _logits(output: Any) -> Tensor | None:
    """`.logits`, ["logits"], or the first tensor of two dimensions."""
    import torch

    if isinstance(output, torch.Tensor):
        return output if output.dim() == 2 else None  # noqa: PLR2004
    inner = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    if inner is not None:
        return _logits(inner)
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else ()
    return next((found for found in map(_logits, values) if found is not None), None)
