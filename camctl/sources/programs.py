"""Programs of torch in a file, TorchScript and torch.export: black boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.kit.black_box import SETTINGS, Program
from camctl.kit.quiet import quiet

if TYPE_CHECKING:
    from pathlib import Path

    from camctl.kit.black_box import Opened


class TorchScript(Program):
    """`torchscript:FILE`, what `torch.jit.save` writes; its attributes `input_size`, `mean`, `std` are read."""

    summary = "A program of TorchScript, as a black box: torchscript:net.pt. It must be trusted."
    example = "net.pt"
    kind = "TorchScript"

    def opened(self, file: Path, device: str) -> Opened:
        """Return the program; it does not say the shape of its input."""
        import torch

        program = torch.jit.load(str(file), map_location=device).eval()
        said = {name: getattr(program, name, None) for name in SETTINGS}
        return (lambda pictures: program(pictures.to(device))), (), said


class Export(Program):
    """`export:FILE`, what `torch.export.save` writes; size and number of pictures are those of its example."""

    summary = "A program of torch.export, as a black box: export:net.pt2. It must be trusted."
    example = "net.pt2"
    kind = "torch.export"

    def opened(self, file: Path, device: str) -> Opened:
        """Return the program and the shape of its input."""
        import torch
        from torch.export.passes import move_to_device_pass

        with quiet():
            program = torch.export.load(str(file))
            if device != "cpu":
                program = move_to_device_pass(program, device)
            module = program.module()
        return (lambda pictures: module(pictures.to(device))), _shape(program), {}


def _shape(program: Any) -> tuple[Any, ...]:
    """Return the shape (N, C, h, w) of a program's input, with symbols where any size goes; empty if it is unknown."""
    names = program.graph_signature.user_inputs
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    shape = tuple(getattr(values.get(names[0]), "shape", ())) if names else ()
    return shape if len(shape) == 4 else ()  # noqa: PLR2004 - a batch of pictures
