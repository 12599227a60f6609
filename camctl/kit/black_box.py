"""Models that are programs in a file: pictures go in, numbers come out, and no layer can be seen."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
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
from camctl.plugin import Checkpoint, LoadedModel, LoadOptions, Source

if TYPE_CHECKING:
    from torch import Tensor

    Opened = tuple[Callable[[Tensor], Any], Sequence[Any], Mapping[str, Any]]
    """A program, the shape of its input, and its settings."""

SETTINGS = ("input_size", "mean", "std", "crop_pct", "class_names")
"""What a file, or the user with config options, says about a program's input and output."""

NOTE = "A black box: no layer of it can be seen, so that methods that score changed pictures work, and no others."
REMEDY = "set the config options input_size, mean and std"
TRUST = Hint("If you know who made it, use", trust_checkpoint=True)


class Program(Source):
    """Base of sources whose files hold a program: a subclass says how one is opened."""

    own_weights = True
    kind: str
    """What the file is, such as `ONNX`."""
    runs_code = True
    """Whether it may do anything on this machine, so that the user must trust it."""

    @abstractmethod
    def opened(self, file: Path, device: str) -> Opened:
        """Return the program, from a batch (N, C, h, w) on the CPU to its output, and what the file says of it.

        That is the shape (N, C, h, w) of its input, with numbers where they are fixed and empty if it is unknown, and
        what has a name of `SETTINGS`.
        """

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load the program. Raises `InputError` if it is missing, damaged, not trusted, or takes no pictures."""
        file = self._file(reference, checkpoint, options)
        with reported(f"'{reference}' is no readable file of {self.kind}", "Export it again, or check the path."):
            program, shape, said = self.opened(file, device)
        if shape and all(isinstance(side, int) for side in shape[1:]):
            said = {**said, "input_size": tuple(shape[1:])}
        from torch import nn

        settings = {**said, **options.cfg_options}
        module = nn.Sequential()
        module.add_module("picture", nn.Identity())
        for name in SETTINGS:
            if (value := settings.get(name)) is not None:
                setattr(module, name, value)
        prepared = plain_preprocess(module, REMEDY)
        source = type(self).__name__.lower()
        return LoadedModel(
            name=f"{source}:{reference}",
            source=source,
            module=module.eval(),
            forward=_forward(module, program, shape[0] if shape and isinstance(shape[0], int) else None),
            preprocess=prepared.preprocess,
            input_size=prepared.size,
            bands=prepared.bands,
            class_names=as_names(settings.get("class_names")),
            opaque=True,
            checkpoint=Checkpoint(path=str(file), sha256=file_hash(file)),
            notes=tuple(note for note in (NOTE, prepared.note) if note),
            resizing=prepared.resizing,
        )

    def _file(self, reference: str, checkpoint: str | None, options: LoadOptions) -> Path:
        """Return the file, named by path or address. Raises `InputError`: it is missing or not trusted."""
        if checkpoint is not None or options.random_weights or options.weights is not None:
            message = f"A file of {self.kind} holds its own weights, and takes no others."
            raise InputError(message, hint="Leave out the checkpoint and what concerns weights.")
        refuse_options(options.cfg_options, f"a file of {self.kind}", SETTINGS)
        file = local_file(reference, options)
        close = alike(file)
        hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else "Check the path."
        check_file(file, f"file of {self.kind}", hint=hint)
        if self.runs_code and not options.trust_checkpoint:
            message = f"'{reference}' is a program of {self.kind}, which may read and write files once it is loaded."
            raise InputError(message, hint=TRUST)
        return file


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
