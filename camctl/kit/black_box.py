"""Models that are programs in a file: pictures go in, numbers come out, and no layer can be seen."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.kit.checkpoints import file_hash
from camctl.kit.class_names import as_names
from camctl.kit.downloads import local_file
from camctl.kit.importing import refuse_options
from camctl.kit.plain_preprocess import plain_preprocess
from camctl.kit.reporting import reported
from camctl.paths import alike, check_file
from camctl.plugin import Checkpoint, LoadedModel, LoadOptions

if TYPE_CHECKING:
    from torch import Tensor

SETTINGS = ("input_size", "mean", "std", "crop_pct", "class_names")
"""What a file, or the user with config options, says about a program's input and output."""

NOTE = "A black box: no layer of it can be seen, so that methods that score changed pictures work, and no others."
REMEDY = "set the config options input_size, mean and std"
TRUST = Hint("If you know who made it, use", trust_checkpoint=True)


def program_file(reference: str, kind: str, checkpoint: str | None, options: LoadOptions, *, runs_code: bool) -> Path:
    """Return the file of a program that the user named by path or address.

    Parameters
    ----------
    kind
        What the file is, such as `ONNX`.
    runs_code
        Whether it may do anything on this machine, so that the user must trust it.

    Raises
    ------
    InputError
        The file is missing or not trusted, or the user asks for other weights than its own.
    """
    if checkpoint is not None or options.random_weights or options.weights is not None:
        message = f"A file of {kind} holds its own weights, and takes no others."
        raise InputError(message, hint="Leave out the checkpoint and what concerns weights.")
    refuse_options(options.cfg_options, f"a file of {kind}", SETTINGS)
    file = local_file(reference, options)
    close = alike(file)
    hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else "Check the path."
    check_file(file, f"file of {kind}", hint=hint)
    if runs_code and not options.trust_checkpoint:
        message = f"'{reference}' is a program of {kind}, which may read and write files once it is loaded."
        raise InputError(message, hint=TRUST)
    return file


def black_box(
    program: Callable[[Tensor], Any],
    file: Path,
    *,
    source: str,
    reference: str,
    options: LoadOptions,
    said: Mapping[str, Any],
    batch: int | None = None,
) -> LoadedModel:
    """Make a `LoadedModel` of a program: a batch (N, C, h, w) on the CPU -> its output.

    Parameters
    ----------
    said
        What the file says of itself, by the names in `SETTINGS`; the user's config options go first.
    batch
        The only number of pictures that it takes at a time; None takes any.
    """
    from torch import nn

    settings = {**said, **options.cfg_options}
    module = nn.Sequential()
    module.add_module("picture", nn.Identity())
    for name in SETTINGS:
        if (value := settings.get(name)) is not None:
            setattr(module, name, value)
    prepared = plain_preprocess(module, REMEDY)
    return LoadedModel(
        name=f"{source}:{reference}",
        source=source,
        module=module.eval(),
        forward=_forward(module, program, batch),
        preprocess=prepared.preprocess,
        input_size=prepared.size,
        bands=prepared.bands,
        class_names=as_names(settings.get("class_names")),
        opaque=True,
        checkpoint=Checkpoint(path=str(file), sha256=file_hash(file)),
        notes=tuple(note for note in (NOTE, prepared.note) if note),
        resizing=prepared.resizing,
    )


def _forward(
    module: Callable[[Tensor], Tensor], program: Callable[[Tensor], Any], batch: int | None
) -> Callable[[Tensor], Any]:
    """Return a function from a batch to the program's output, without a graph."""

    def forward(inputs: Tensor) -> Any:
        import torch

        pictures = module(inputs).detach()
        with torch.no_grad():
            if batch is None or len(pictures) == batch:
                return program(pictures)
            missing = -len(pictures) % batch
            padded = torch.cat([pictures, pictures[-1:].expand(missing, *pictures.shape[1:])])
            outputs = [_first(program(part)) for part in padded.split(batch)]
            return torch.cat(outputs)[: len(pictures)]

    return forward


def _first(output: Any) -> Tensor:
    """Return the first tensor of an output."""
    while not hasattr(output, "shape"):
        output = next(iter(output.values() if isinstance(output, Mapping) else output))
    tensor: Tensor = output
    return tensor


def literal(text: str) -> Any:
    """Return a value that a file's metadata hold as text, as Python or JSON writes it; the text itself otherwise."""
    with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        return ast.literal_eval(text)
    return text


def opened(kind: str, reference: str) -> Any:
    """Return a block that reports what a reader of programs raises."""
    return reported(f"'{reference}' is no readable file of {kind}", "Export it again, or check the path.")
