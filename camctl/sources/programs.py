"""Programs of torch in a file, TorchScript and torch.export: black boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.kit.black_box import SETTINGS, black_box, opened, program_file
from camctl.kit.quiet import quiet
from camctl.plugin import LoadedModel, LoadOptions, Source

if TYPE_CHECKING:
    from torch import Tensor


class TorchScript(Source):
    """`torchscript:FILE`, what `torch.jit.save` writes; its attributes `input_size`, `mean`, `std` are read."""

    summary = "A program of TorchScript, as a black box: torchscript:net.pt. It must be trusted."
    example = "net.pt"
    own_weights = True

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load the program. Raises `InputError` if it is missing, damaged, or not trusted: it may write files."""
        file = program_file(reference, "TorchScript", checkpoint, options, runs_code=True)
        import torch

        with opened("TorchScript", reference):
            program = torch.jit.load(str(file), map_location=device).eval()
        said = {name: getattr(program, name, None) for name in SETTINGS}

        def run(batch: Tensor) -> Any:
            return program(batch.to(device))

        return black_box(run, file, source="torchscript", reference=reference, options=options, said=said)


class Export(Source):
    """`export:FILE`, what `torch.export.save` writes; size and number of pictures are those of its example."""

    summary = "A program of torch.export, as a black box: export:net.pt2. It must be trusted."
    example = "net.pt2"
    own_weights = True

    def load(self, reference: str, checkpoint: str | None, device: str, options: LoadOptions) -> LoadedModel:
        """Load the program. Raises `InputError` if it is missing, damaged, or not trusted: it may hold pickles."""
        file = program_file(reference, "torch.export", checkpoint, options, runs_code=True)
        import torch
        from torch.export.passes import move_to_device_pass

        with opened("torch.export", reference), quiet():
            program = torch.export.load(str(file))
            if device != "cpu":
                program = move_to_device_pass(program, device)
            module = program.module()
        shape = _shape(program)
        said = {"input_size": shape[1:]} if all(isinstance(side, int) for side in shape[1:]) and shape else {}
        batch = shape[0] if shape and isinstance(shape[0], int) else None

        def run(pictures: Tensor) -> Any:
            return module(pictures.to(device))

        return black_box(run, file, source="export", reference=reference, options=options, said=said, batch=batch)


def _shape(program: Any) -> tuple[Any, ...]:
    """Return the shape (N, C, h, w) of a program's input, with symbols where any size goes; empty if it is unknown."""
    names = program.graph_signature.user_inputs
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    shape = tuple(getattr(values.get(names[0]), "shape", ())) if names else ()
    return shape if len(shape) == 4 else ()  # noqa: PLR2004 - a batch of pictures
