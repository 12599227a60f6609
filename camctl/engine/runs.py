"""Layers that run several times in a pass: which run is explained, and how each sees the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from camctl.engine import spatial_order
from camctl.engine.graph import restarting
from camctl.engine.layout import tensor_in, with_tensor
from camctl.errors import Hint, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from camctl.engine.layout import Layout

    Forward = Callable[[Tensor], Tensor]

PLANES = 4
"""Number of dimensions of a convolutional layer's output, whose layout fits a grid of any size."""

MOST_RUNS = 32
"""Largest number of runs that are looked at one by one."""

FLIPS: dict[str, tuple[tuple[int, ...], str]] = {
    "left and right are swapped": ((3,), "the picture mirrored"),
    "it is upside down": ((2,), "the picture upside down"),
    "it is turned round": ((2, 3), "the picture turned round"),
}
"""What is wrong with the order of cells -> the dimensions of the grid that put it right, and what the run sees."""

WHOLE, NOTHING, PART, ODD = "the picture", "nothing of the picture", "a part of it", "the picture in another order"


@dataclass(frozen=True)
class Run:
    """One run of a layer in a pass: what it sees, and the dimensions of its grid that are mirrored."""

    sees: str
    flips: tuple[int, ...] = ()

    @property
    def placed(self) -> bool:
        """Whether its map can be laid on the picture."""
        return self.sees not in {NOTHING, PART, ODD}


@dataclass(frozen=True)
class Choice:
    """The run that is explained, counted from 1; `note` says so."""

    call: int
    flips: tuple[int, ...] = ()
    note: str = ""


def choose_run(name: str, runs: Sequence[Run], asked: int | None, calls: int, *, weighted: bool) -> Choice:
    """Return the run of a layer that is explained; `runs` is empty if each continues what the last one gave.

    `weighted`: the layer has weights, so that it is more than one activation function that is shared by many layers.

    Raises `InputError`: there is no such run, or its map has no place on the picture.
    """
    if asked is not None and not 1 <= asked <= calls:
        times = f"{calls} times" if calls > 1 else "once"
        message = f"'{name}' runs {times} in a pass, and run {asked} is asked for."
        raise InputError(message, hint=Hint("Name another run", call=calls))
    if not runs:
        text = (
            f"'{name}' runs {calls} times in a pass, each time on what came before. The map is of run {asked or calls}"
        )
        note = Hint(f"{text}. To take another", call=1 if asked is None else calls)
        return Choice(asked or calls, note=note if weighted and calls > 1 else "")
    best = next((i for i, run in enumerate(runs) if run.sees == WHOLE), None)
    best = next((i for i, run in enumerate(runs) if run.placed), 0) if best is None else best
    call = asked or best + 1
    run = runs[call - 1]
    views = ", ".join(f"{i}: {other.sees}" for i, other in enumerate(runs, 1))
    if not run.placed:
        message = f"'{name}' runs {calls} times in a pass, and run {call} sees {run.sees}, and its map has no place."
        placed = next((i for i, other in enumerate(runs, 1) if other.placed), None)
        hint = "Explain the network inside this one, on the part of the picture that it sees."
        raise InputError(message, hint=hint if placed is None else Hint("Name another run", call=placed))
    back = ", mirrored back" if run.flips else ""
    text = f"'{name}' runs {calls} times in a pass ({views}). The map is of run {call}{back}"
    return Choice(call, run.flips, Hint(f"{text}. To take another", call=2 if call == 1 else 1))


def look_at_runs(part: nn.Module, layout: Layout, calls: int, inputs: Tensor, forward: Forward) -> tuple[Run, ...]:
    """Return what each run of a layer sees of one picture (1, C, h, w); empty if a run continues the one before it.

    Costs two forward passes, and nine more if the runs are views of their own.
    """
    if calls > MOST_RUNS:
        return ()
    plain, changed = _outputs(part, inputs, forward), _outputs(part, inputs, forward, blank_first=True)
    if len(plain) != len(changed) or any(not torch.equal(*pair) for pair in zip(plain[1:], changed[1:], strict=True)):
        return ()
    shape = plain[-1].shape
    if any(output.shape != shape and output.ndim != PLANES for output in plain):
        return tuple(Run(WHOLE if output.shape == shape else PART) for output in plain)
    passes: list[list[Tensor]] = []

    def first(changed_inputs: Tensor) -> Tensor:
        passes.append([layout.to_grid(output)[0].float().cpu() for output in _outputs(part, changed_inputs, forward)])
        return passes[-1][0]

    changes = [spatial_order.changes(inputs, first)]
    for call in range(1, calls):
        grids = iter([grids[call] for grids in passes])
        changes.append(spatial_order.changes(inputs, lambda _inputs, grids=grids: next(grids)))  # type: ignore[misc]
    return tuple(map(_seen, changes))


def _seen(changes: Tensor) -> Run:
    """Return what a run sees, by how much its cells change with patches of the picture: (patches, rows, columns)."""
    felt = changes.sum((1, 2)) > 0
    if not bool(felt.any()):
        return Run(NOTHING)
    if not bool(felt.all()):
        return Run(PART)
    wrong = spatial_order.wrong_order(changes)
    if wrong in FLIPS:
        flips, sees = FLIPS[wrong]
        return Run(sees, flips)
    return Run(ODD if wrong else WHOLE)


def _outputs(part: nn.Module, inputs: Tensor, forward: Forward, *, blank_first: bool = False) -> list[Tensor]:
    """Return a layer's output of every run in a pass; `blank_first` puts zeros in place of the first one."""
    outputs: list[Tensor] = []

    def keep(_part: nn.Module, _args: object, output: object) -> object:
        tensor = tensor_in(output)
        if tensor is None:
            return None
        outputs.append(tensor.detach().clone())
        if blank_first and len(outputs) == 1:
            blank = torch.zeros_like(tensor).requires_grad_(torch.is_grad_enabled()).clone()
            return with_tensor(output, tensor, blank)
        return None

    hook = part.register_forward_hook(keep)
    try:
        with torch.no_grad(), restarting(outputs.clear):
            forward(inputs)
    finally:
        hook.remove()
    return outputs
