"""One forward pass and its truncated backward passes, seen at the target layers.

No parameter requires a gradient: the first target layer to run starts the graph, so that nothing
before it is differentiated, and a frozen backbone is no hindrance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from camctl.engine.layout import Layout, LayoutHints, find_layout, no_grid, tensor_in, with_tensor
from camctl.engine.model_state import untouched
from camctl.engine.question import ALONE, Versus
from camctl.errors import InputError
from camctl.plugin import Capture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from torch.utils.hooks import RemovableHandle

    from camctl.engine.replay import Replay


@dataclass(frozen=True)
class Seen:
    """What one target layer put out: the raw tensor (in the graph where gradients are wanted) and its layout."""

    name: str
    output: Tensor
    layout: Layout


class Recorder:
    """The one thing in camctl that holds state: hooks on the target layers, in a `with` block.

    Parameters
    ----------
    module: the model.
    layers: names of the target layers, as in `module.named_modules()`.
    gradients: whether backward passes will follow.
    hints: what is known of the layers' layouts.
    """

    def __init__(self, module: nn.Module, layers: Sequence[str], hints: LayoutHints, *, gradients: bool) -> None:
        self.module = module
        self.layers = tuple(layers)
        self.hints = hints
        self.gradients = gradients
        self.seen: tuple[Seen, ...] = ()
        self.faults: dict[str, InputError] = {}
        self.inputs = torch.empty(0)
        self.logits = torch.empty(0)
        self.milliseconds = {"forward": 0.0, "backward": 0.0}
        self._forward: Callable[[Tensor], Tensor] | None = None
        self._raw: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []
        self._replays: dict[str, Replay] = {}
        self._untouched = untouched(module)

    def __enter__(self) -> Self:
        parts = dict(self.module.named_modules())
        targets = [(name, parts[name]) for name in self.layers]  # before anything is touched: a name may be wrong
        self._untouched.__enter__()
        for name, part in targets:
            self._handles.append(part.register_forward_hook(self._hook(name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unhook()
        self._raw.clear()
        self._untouched.__exit__(kind, error, trace)

    def _unhook(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, name: str) -> Callable[[nn.Module, object, object], object]:
        def record(_module: nn.Module, _args: object, output: object) -> object:
            tensor = tensor_in(output)
            if tensor is None:
                return None
            kept = tensor
            if self.gradients and (not tensor.requires_grad or self._raw.keys() <= {name}):
                # The graph starts here: nothing before this layer is differentiated, nor its own earlier calls.
                kept = tensor.detach().requires_grad_()
            self._raw[name] = kept
            # The network goes on with a clone: many nets write over their own features, and
            # the layer's output would silently become its block's.
            return with_tensor(output, tensor, kept.clone())

        return record

    def forward(self, inputs: Tensor, forward: Callable[[Tensor], Tensor], *, keep_faults: bool = False) -> Tensor:
        """Run the model once; returns the logits (N, classes), float32, and fills `seen`.

        Raises `InputError` where a target layer never runs, puts out no tensor or has no grid; with
        `keep_faults` that is noted in `faults` instead, and the layer is missing from `seen`.
        """
        self.inputs, self._forward = inputs, forward
        start = perf_counter()
        with torch.set_grad_enabled(self.gradients):
            self.logits = forward(inputs).float()
        _synchronize(inputs)
        self.milliseconds["forward"] = (perf_counter() - start) * 1e3
        self._unhook()
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

    def _see(self, name: str) -> Seen:
        hint = "See which layers will do with: camctl layers MODEL --usable"
        raw = self._raw.get(name)
        if raw is None:
            message = f"The layer '{name}' puts out nothing in this model's forward pass: it never runs."
            raise InputError(message, hint=hint)
        size = (self.inputs.shape[-2], self.inputs.shape[-1])
        part = self.module.get_submodule(name)
        layout = find_layout(raw, size, self.inputs.shape[0], part, self.hints)
        if layout is None:
            if raw.ndim == 3:  # noqa: PLR2004
                counted = self.hints.extra_tokens
                said = "Give the number of class and other tokens with --num-extra-tokens."
                if counted is not None:
                    said = f"Leave out --num-extra-tokens {counted}, which leaves no grid: the number is found out."
                hint = f"{said} {hint}"
            raise no_grid(name, raw, hint)
        return Seen(name, raw, layout)

    def backward(self, target: int, *, last: bool, versus: Versus = ALONE) -> tuple[Tensor, ...]:
        """Gradients of the target's logit, or of its lead, at every target layer seen, raw layout, one a layer.

        `last`: no further target follows, so the graph may be freed. `versus`: the classes that it is told from.
        """
        start = perf_counter()
        outputs = [seen.output for seen in self.seen]
        with torch.enable_grad():  # the caller may have switched it off
            score = versus.logits(self.logits, target)[:, versus.column(target)].sum()
        if score.requires_grad and outputs:
            found: Sequence[Tensor | None] = torch.autograd.grad(
                score, outputs, retain_graph=not last, allow_unused=True
            )
        else:  # the logits do not depend on any target layer at all
            found = [None] * len(outputs)
        _synchronize(self.inputs)
        self.milliseconds["backward"] += (perf_counter() - start) * 1e3
        return tuple(
            torch.zeros_like(output) if gradient is None else gradient
            for output, gradient in zip(outputs, found, strict=True)
        )

    def captures(self, target: int, gradients: Sequence[Tensor] | None, versus: Versus = ALONE) -> tuple[Capture, ...]:
        """What methods see, one `Capture` a target layer seen; `gradients` as `backward` gave them."""
        if self._forward is None:
            message = "captures() needs a forward pass first"
            raise RuntimeError(message)
        result = []
        column = versus.column(target)
        for place, seen in enumerate(self.seen):
            layout, raw = seen.layout, seen.output.detach()
            result.append(
                Capture(
                    activations=layout.to_grid(raw).float(),
                    gradients=layout.to_grid(gradients[place]).float() if gradients is not None else raw.new_empty(0),
                    inputs=self.inputs,
                    targets=torch.full((self.inputs.shape[0],), column, device=raw.device),
                    logits=versus.logits(self.logits.detach(), target),
                    layer=seen.name,
                    module=self.module,
                    forward=_asked(self._forward, target, versus),
                    grid_of=partial(_grid_of, layout),
                    output_of=partial(_output_of, layout),
                    replay=_asked(self._replay(seen), target, versus),
                    versus=versus.others,
                )
            )
        return tuple(result)

    def _replay(self, seen: Seen) -> Replay:
        """The replay of a target layer: one for all classes, since it knows none."""
        from camctl.engine.replay import Replay

        if seen.name not in self._replays and self._forward is not None:
            self._replays[seen.name] = Replay(
                self.module, seen.name, seen.layout, seen.output.detach(), self.inputs, self._forward
            )
        return self._replays[seen.name]


def _asked(forward: Callable[[Tensor], Tensor], target: int, versus: Versus) -> Callable[[Tensor], Tensor]:
    """What gives the model's logits, giving those of the question that is asked."""
    return (lambda given: versus.logits(forward(given), target)) if versus.others else forward


def _grid_of(layout: Layout, output: Any) -> Tensor:
    """What a module gave out, which may be a tuple or a dict around its tensor -> (N, C, H, W)."""
    tensor = tensor_in(output)
    return layout.to_grid(output if tensor is None else tensor)


def _output_of(layout: Layout, grid: Tensor, output: Any) -> Any:
    tensor = tensor_in(output)
    return output if tensor is None else with_tensor(output, tensor, layout.output_of(grid, tensor))


def reaches_places(gradient: Tensor, layout: Layout) -> bool:
    """Whether a raw gradient reaches the grid's places, and not the extra tokens alone.

    Rounding leaves specks: what is 1e-8 of the layer's largest gradient, or less, counts as nothing.
    """
    largest = gradient.abs().max()
    return bool(largest > 0) and bool(layout.to_grid(gradient).abs().max() > 1e-8 * largest)


def _synchronize(tensor: Tensor) -> None:
    """Wait for the device, so that milliseconds are those of the work and not of its queueing."""
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)
    elif tensor.device.type == "mps":
        torch.mps.synchronize()
