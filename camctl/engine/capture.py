"""One forward pass and its truncated backward passes, recorded at the target layers.

No parameter requires a gradient: the first target layer to run starts the graph, so that nothing before it is
differentiated, and a frozen backbone does no harm.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from camctl.engine.graph import gradients_of, has_graph, restarting, with_graph
from camctl.engine.layout import Layout, LayoutHints, find_layout, tensor_in, with_tensor
from camctl.engine.model_state import ModuleTable, untouched
from camctl.engine.questions import answers_to, by_row, columns_of
from camctl.engine.replay import Replay
from camctl.engine.runs import choose_run, look_at_runs
from camctl.engine.stopwatch import Stopwatch
from camctl.errors import Hint, InputError
from camctl.plugin import Capture, ClassQuestion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from camctl.engine.questions import Questions
    from camctl.plugin import Question

AT_ONCE = 32
"""Number of grids for each row that are replayed before their answers are taken."""

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
    """Hooks on the target layers, in a `with` block; `gradients`: whether backward passes will follow.

    A batch has one row for each view of each picture, the `views` of the first picture first.
    """

    def __init__(
        self,
        model: nn.Module | ModuleTable,
        layers: Sequence[str],
        hints: LayoutHints,
        *,
        gradients: bool,
        views: int = 1,
    ) -> None:
        self.table = ModuleTable.of(model)
        self.layers = tuple(layers)
        self.hints = hints
        self.gradients = gradients
        self.views = views
        self.seen: tuple[Seen, ...] = ()
        self.faults: dict[str, InputError] = {}
        self.notes: dict[str, str] = {}
        self.has_graph = True
        """Whether the logits lead back to a target layer."""
        self.inputs = torch.empty(0)
        self.logits = torch.empty(0)
        self.watches: dict[str, Stopwatch] = {}
        """What times the `forward` and the `backward` passes."""
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
        self.watches = {name: Stopwatch(inputs.device) for name in ("forward", "backward")}
        with self.watches["forward"].timed(), torch.set_grad_enabled(self.gradients):
            logits = self._with_graph(forward, inputs) if self.gradients else forward(inputs)
            self.logits = logits.float()
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
        # What a layer's output looks like depends on no picture.
        key = (name, raw.shape[1:], size, self.hints) if raw.ndim and raw.shape[0] == batch else None
        layout = self.table.layouts.get(key) if key else None
        layout = layout or find_layout(raw, size, batch, self.table.parts[name], self.hints)
        if layout is not None:
            if key:
                self.table.layouts[key] = layout
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

    def backward(self, questions: Questions, *, last: bool) -> tuple[Tensor, ...]:
        """Return the gradient of each picture's answer at every target layer seen, in its raw layout.

        The answers are added up: no picture's answer depends on another picture. `questions`: one for all pictures, or
        one for each. `last`: no others follow, so that the graph may be freed.
        """
        self._phase = "backward"
        outputs = [seen.output for seen in self.seen]
        gradients: Sequence[Tensor | None] = [None] * len(outputs)  # the logits may not depend on any target layer
        with self.watches["backward"].timed():
            with torch.enable_grad():  # the caller may have switched it off
                asked = self._by_row(questions)
                answers = answers_to(asked, self.logits)
                score = answers.gather(1, columns_of(asked, answers)[:, None]).sum()
            if score.requires_grad and outputs:
                found = gradients_of(score, outputs, last=last)
                gradients, self.has_graph = found or gradients, found is not None
        self._phase = ""
        return tuple(
            torch.zeros_like(output) if gradient is None else gradient
            for output, gradient in zip(outputs, gradients, strict=True)
        )

    def _by_row(self, questions: Questions) -> tuple[Question, ...]:
        return by_row(questions, len(self.logits), views=self.views, width=self.inputs.shape[-1])

    def captures(self, questions: Questions, gradients: Sequence[Tensor] | None) -> tuple[Capture, ...]:
        """Return what methods see, one `Capture` per target layer seen; `gradients` as returned by `backward`."""
        assert self._forward is not None  # noqa: S101 - `forward` comes first
        asked = self._by_row(questions)
        answers = answers_to(asked, self.logits.detach())
        targets = columns_of(asked, answers)
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
                    forward=partial(_answers, self._forward, asked),
                    grid_of=partial(_grid_of, layout),
                    output_of=partial(_output_of, layout),
                    replay=_replaying(self._replay(seen, self._forward), asked),
                    questions=asked,
                    views=self.views,
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


def _answers(
    forward: Callable[[Tensor], Tensor], questions: Sequence[Question], inputs: Tensor, row: int | None = None
) -> Tensor:
    """Return the answers to all questions, or to that of one row, from a function that returns the model's logits."""
    return answers_to(questions if row is None else questions[row : row + 1], forward(inputs))


def _replaying(replay: Replay, questions: Sequence[Question]) -> Callable[[Tensor], Tensor]:
    """Return the replay itself, which gives logits, if they are the answers."""
    classes = all(isinstance(question, ClassQuestion) for question in questions)
    return replay if classes else partial(_replayed, replay, questions)


def _replayed(replay: Replay, questions: Sequence[Question], grids: Tensor) -> Tensor:
    """Return the answers for grids (N*M, C, H, W) in parts: an output of many places fills the memory."""
    parts = grids.unflatten(0, (len(questions), -1)).split(AT_ONCE, 1)
    answers = [answers_to(questions, replay(part.flatten(0, 1))).unflatten(0, (len(questions), -1)) for part in parts]
    return torch.cat(answers, 1).flatten(0, 1)


def _grid_of(layout: Layout, output: Any) -> Tensor:
    """Turn a module's output, which may be a tuple or dict around its tensor, into (N, C, H, W)."""
    tensor = tensor_in(output)
    return layout.to_grid(output if tensor is None else tensor)


def _output_of(layout: Layout, grid: Tensor, output: Any) -> Any:
    tensor = tensor_in(output)
    return output if tensor is None else with_tensor(output, tensor, layout.output_of(grid, tensor))


def reaches_grid(gradient: Tensor, layout: Layout) -> Tensor:
    """Return for each of N rows whether a raw gradient reaches the cells of the grid, and not the extra tokens alone.

    Rounding leaves traces: up to 1e-8 of the layer's largest gradient counts as zero.
    """
    largest = gradient.abs().flatten(1).amax(1)
    return (largest > 0) & (layout.to_grid(gradient).abs().flatten(1).amax(1) > 1e-8 * largest)
