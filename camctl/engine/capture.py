"""One forward pass and its truncated backward passes, recorded at the target layers.

No parameter requires a gradient: the first target layer to run starts the graph, so that nothing before it is
differentiated, and a frozen backbone does no harm.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from camctl.engine.graph import gradients_of, has_graph, restarting, with_graph
from camctl.engine.layout import Layout, LayoutHints, find_layout, tensor_in, with_tensor
from camctl.engine.model_state import ModuleTable, untouched
from camctl.engine.replay import Replay
from camctl.engine.runs import choose_run, look_at_runs
from camctl.errors import Hint, InputError
from camctl.plugin import Capture, ClassQuestion, Question

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

USABLE = Hint("See the layers that can be used", "layers", usable=True)


@dataclass(frozen=True)
class Seen:
    """The raw output of one target layer (in the graph if gradients are wanted) and its layout."""

    name: str
    output: Tensor
    layout: Layout
    call: int = 0
    """The run that it is of, counted from 1; 0 for the last one."""


class Recorder:
    """Hooks on the target layers, in a `with` block; `gradients`: whether backward passes will follow."""

    def __init__(
        self, model: nn.Module | ModuleTable, layers: Sequence[str], hints: LayoutHints, *, gradients: bool
    ) -> None:
        self.table = ModuleTable.of(model)
        self.layers = tuple(layers)
        self.hints = hints
        self.gradients = gradients
        self.seen: tuple[Seen, ...] = ()
        self.faults: dict[str, InputError] = {}
        self.notes: dict[str, str] = {}
        self.has_graph = True
        """Whether the logits lead back to a target layer."""
        self.inputs = torch.empty(0)
        self.logits = torch.empty(0)
        self.milliseconds = {"forward": 0.0, "backward": 0.0}
        self._forward: Callable[[Tensor], Tensor] | None = None
        self._raw: dict[str, list[Tensor]] = {}
        self._replays: dict[str, Replay] = {}
        self._phase = "forward"
        """The pass that is under way: `forward`, `backward`, or none that is recorded."""
        self._hooks, self._state = ExitStack(), ExitStack()

    def __enter__(self) -> Self:
        targets = [(name, self.table.parts[name]) for name in self.layers]  # a wrong name raises before any change
        self._state.enter_context(untouched(self.table))
        self._state.enter_context(restarting(self._raw.clear))
        for name, part in targets:
            self._hooks.callback(part.register_forward_hook(self._hook(name)).remove)
        return self

    def __exit__(self, *_error: object) -> None:
        self._hooks.close()
        self._raw.clear()
        self._state.close()

    def _hook(self, name: str) -> Callable[[nn.Module, object, object], object]:
        def record(_module: nn.Module, _args: object, output: object) -> object:
            tensor = tensor_in(output)
            if tensor is None or not self._phase:
                return None
            leaf = tensor
            if self.gradients and (not tensor.requires_grad or not self._raw):
                leaf = tensor.detach().requires_grad_()  # the graph starts here: nothing earlier is differentiated
            if self._phase == "forward":  # checkpointing runs the layer again in the backward pass
                self._raw.setdefault(name, []).append(leaf)
            # The network continues with a clone: many networks write over their own features, and the layer's output
            # would silently become its block's.
            return with_tensor(output, tensor, leaf.clone())

        return record

    def forward(self, inputs: Tensor, forward: Callable[[Tensor], Tensor], *, keep_faults: bool = False) -> Tensor:
        """Run the model once, fill `seen`, and return the logits (N, classes), float32.

        Raises `InputError`: a target layer never runs, has no tensor output or no grid. With `keep_faults` the error is
        stored in `faults` instead, and the layer is missing from `seen`.
        """
        self.inputs, self._forward = inputs, forward
        start = perf_counter()
        with torch.set_grad_enabled(self.gradients):
            logits = self._with_graph(forward, inputs) if self.gradients else forward(inputs)
            self.logits = logits.float()
        _synchronize(inputs)
        self.milliseconds["forward"] = (perf_counter() - start) * 1e3
        self._phase = ""
        seen = []
        for name in self.layers:
            try:
                seen.append(self._see(name))
            except InputError as error:
                if not keep_faults:
                    raise
                self.faults[name] = error
        self.seen = tuple(seen)
        return self.logits

    def _with_graph(self, forward: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        logits = with_graph(forward, inputs, self._raw.clear) if self.layers else forward(inputs)
        if self.layers and not logits.requires_grad:  # or no target layer is read at all
            self._phase = ""
            self.has_graph = has_graph(forward, inputs)
        return logits

    def _see(self, name: str) -> Seen:
        runs = self._raw.get(name)
        if not runs:
            message = f"The layer '{name}' has no output in this model's forward pass: it never runs."
            raise InputError(message, hint=USABLE)
        last = self._layout(name, runs[-1])
        if len(runs) == 1 and self.hints.call in {None, 1}:
            return Seen(name, runs[-1], last)
        if name not in self.table.runs and len(runs) > 1:
            assert self._forward is not None  # noqa: S101 - this pass has run
            part = self.table.parts[name]
            self.table.runs[name] = look_at_runs(part, last, len(runs), self.inputs[:1], self._forward)
        weighted = next(self.table.parts[name].parameters(), None) is not None
        choice = choose_run(name, self.table.runs.get(name, ()), self.hints.call, len(runs), weighted=weighted)
        if choice.note:
            self.notes[name] = choice.note
        raw = runs[choice.call - 1]
        layout = self._layout(name, raw)
        return Seen(name, raw, layout.mirrored(choice.flips) if choice.flips else layout, choice.call)

    def _layout(self, name: str, raw: Tensor) -> Layout:
        """Return the layout of a layer's output. Raises `InputError` if it has no grid."""
        size, batch = (self.inputs.shape[-2], self.inputs.shape[-1]), self.inputs.shape[0]
        layout = find_layout(raw, size, batch, self.table.parts[name], self.hints)
        if layout is not None:
            return layout
        message = f"The output of '{name}', of shape {tuple(raw.shape)}, has no spatial grid."
        if raw.ndim > 1 and raw.shape[0] != batch and raw.shape[0] % batch == 0:
            message = (
                f"The output of '{name}', of shape {tuple(raw.shape)}, is of {raw.shape[0] // batch} views, crops or "
                "windows of each picture, which the model makes itself."
            )
        raise InputError(message, hint=self._grid_hint(raw))

    def _grid_hint(self, raw: Tensor) -> Hint:
        """Return the next step for a layer without a grid."""
        if raw.ndim != 3:  # noqa: PLR2004
            return USABLE
        if self.hints.extra_tokens is None:
            return Hint("Give the number of class and other tokens", num_extra_tokens="N")
        text = "The number of extra tokens is detected, and this one leaves no grid. Leave out"
        return Hint(text, num_extra_tokens=self.hints.extra_tokens)

    def backward(self, question: Question, *, last: bool) -> tuple[Tensor, ...]:
        """Return the gradient of the question's answer at every target layer seen, in its raw layout.

        `last`: no other question follows, so that the graph may be freed.
        """
        start, self._phase = perf_counter(), "backward"
        outputs = [seen.output for seen in self.seen]
        with torch.enable_grad():  # the caller may have switched it off
            score = question.answers(self.logits)[:, question.column].sum()
        gradients: Sequence[Tensor | None] = [None] * len(outputs)  # the logits may not depend on any target layer
        if score.requires_grad and outputs:
            found = gradients_of(score, outputs, last=last)
            gradients, self.has_graph = found or gradients, found is not None
        _synchronize(self.inputs)
        self._phase = ""
        self.milliseconds["backward"] += (perf_counter() - start) * 1e3
        return tuple(
            torch.zeros_like(output) if gradient is None else gradient
            for output, gradient in zip(outputs, gradients, strict=True)
        )

    def captures(self, question: Question, gradients: Sequence[Tensor] | None) -> tuple[Capture, ...]:
        """Return what methods see, one `Capture` per target layer seen; `gradients` as returned by `backward`."""
        assert self._forward is not None  # noqa: S101 - `forward` comes first
        answers = question.answers(self.logits.detach())
        targets = torch.full((self.inputs.shape[0],), question.column, device=answers.device)
        captures = []
        for index, seen in enumerate(self.seen):
            layout, raw = seen.layout, seen.output.detach()
            captures.append(
                Capture(
                    activations=layout.to_grid(raw).float(),
                    gradients=layout.to_grid(gradients[index]).float() if gradients is not None else raw.new_empty(0),
                    inputs=self.inputs,
                    targets=targets,
                    logits=answers,
                    layer=seen.name,
                    module=self.table.root,
                    forward=_answering(self._forward, question),
                    grid_of=partial(_grid_of, layout),
                    output_of=partial(_output_of, layout),
                    replay=_answering(self._replay(seen, self._forward), question),
                    question=question,
                )
            )
        return tuple(captures)

    def _replay(self, seen: Seen, forward: Callable[[Tensor], Tensor]) -> Replay:
        """Return the replay of a target layer: one for all questions, since it returns the logits."""
        if seen.name not in self._replays:
            self._replays[seen.name] = Replay(
                self.table, seen.name, seen.layout, seen.output.detach(), self.inputs, forward, seen.call
            )
        return self._replays[seen.name]


def _answering(forward: Callable[[Tensor], Tensor], question: Question) -> Callable[[Tensor], Tensor]:
    """Wrap a function that returns the model's logits so that it returns the question's answers."""
    if isinstance(question, ClassQuestion):
        return forward
    return lambda inputs: question.answers(forward(inputs))


def _grid_of(layout: Layout, output: Any) -> Tensor:
    """Turn a module's output, which may be a tuple or dict around its tensor, into (N, C, H, W)."""
    tensor = tensor_in(output)
    return layout.to_grid(output if tensor is None else tensor)


def _output_of(layout: Layout, grid: Tensor, output: Any) -> Any:
    tensor = tensor_in(output)
    return output if tensor is None else with_tensor(output, tensor, layout.output_of(grid, tensor))


def reaches_grid(gradient: Tensor, layout: Layout) -> bool:
    """Return whether a raw gradient reaches the cells of the grid, and not the extra tokens alone.

    Rounding leaves traces: up to 1e-8 of the layer's largest gradient counts as zero.
    """
    largest = gradient.abs().max()
    return bool(largest > 0) and bool(layout.to_grid(gradient).abs().max() > 1e-8 * largest)


def _synchronize(tensor: Tensor) -> None:
    """Wait for the device, so that milliseconds measure the work and not its queueing."""
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)
    elif tensor.device.type == "mps":
        torch.mps.synchronize()
