"""What the probe observes of each module during its two passes, before it becomes a record."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from camctl.engine.capture import reaches_grid
from camctl.engine.layout import Layout, LayoutHints, find_layout, tensor_in
from camctl.values.layer_map import LayerRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.autograd.graph import Node

    from camctl.values.layer_map import WhyNot

ADAPTIVE = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d)
CHANNELS = 16
"""Number of channels that are checked for a gradient that vanishes wherever activations are negative."""

RECTIFIERS = re.compile(r"(Relu|Hardtanh|Threshold|Clamp|ClampMin|Softplus|Sigmoid)Backward\d*")
"""Names of the autograd nodes of functions that put out no negative value; `Hardtanh` is ReLU6's.

Other functions (SiLU, Hardswish, one's own) may put out none for one picture, and some for the next.
"""

COMPUTING = re.compile(r"(Add|Mul|Clamp|ClampMin|Threshold|Hardtanh|Hardswish|PreluKernel|\w*[Ee]lu)Backward\d*")
"""Names of the nodes that compute, but may put out for one picture what they read: a ReLU of no negative value, a sum
with a branch of zeros."""

NORM_WORDS = re.compile(r"(norm|bn)(?![a-z])|norm\d*d?$", re.IGNORECASE)


def is_norm(part: nn.Module) -> bool:
    """Return whether a module is a normalisation layer, by its class or its class's name."""
    known = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm)  # noqa: SLF001
    return isinstance(part, known) or (not list(part.children()) and bool(NORM_WORDS.search(type(part).__name__)))


@dataclass(kw_only=True)
class ProbeRun:
    """What all modules share during the passes; `classes` is known after the forward pass."""

    batch: int
    size: tuple[int, int]
    hints: LayoutHints
    classes: int = 0
    shared: set[str] = field(default_factory=set)
    """Of a detector the layers that both the score of a box and its edges depend on, if there are any."""
    runs: int = 0
    """Runs of modules so far."""
    makers: dict[int, deque[tuple[Observation, int]]] = field(default_factory=dict)
    """Identity of a tensor -> the runs of modules, with their orders, that returned it, first ones first."""


@dataclass(eq=False)
class Observation:
    """What was observed of one module so far; filled during the passes."""

    name: str
    part: nn.Module
    order: int = 0
    calls: int = 0
    tensor: Tensor | None = None
    shape: tuple[int, ...] | None = None
    maker: Observation | None = None
    maker_calls: int = 0
    layout: Layout | None = None
    gradient: float | None = None
    reached: bool = False
    foreign_batch: bool = False
    scores: bool = False
    aside: bool = False
    version: int = 0
    made_by: Node | None = None
    negative: float | None = None
    off: Tensor | None = None
    rectified: bool = False

    def release(self) -> None:
        """Release the graph."""
        self.tensor = self.made_by = self.off = None

    def still_holds(self) -> bool:
        """Return whether its output has not been written over since."""
        return self.tensor is not None and _version(self.tensor) == self.version

    def made_elsewhere(self) -> Observation | None:
        """Return the module whose output this one passes through, unless that has run again since."""
        return self.maker if self.maker is not None and self.maker.calls == self.maker_calls else None

    def grid(self) -> Tensor | None:
        """Return its output as (N, C, H, W), if it has a grid."""
        return None if self.layout is None or self.tensor is None else self.layout.to_grid(self.tensor)

    def read(self, gradient: Tensor, layout: Layout, classes: int) -> None:
        """Store what the records need of a gradient."""
        grid = layout.to_grid(gradient)
        self.reached = bool(reaches_grid(gradient, layout).any())
        self.gradient = float(grid.abs().mean())
        if layout.channels == classes or (layout.channels, classes) == (1, 2):  # a single logit decides between two
            self.scores = int(grid.abs().amax((0, 2, 3)).count_nonzero()) == 1
        if self.off is not None:
            self.rectified = bool(self.off.any()) and not bool((grid[:, :CHANNELS] * self.off).any())

    def activates(self, other: Observation) -> bool:
        """Return whether its output is a rectifier's (no value is negative) that read the other's output alone."""
        if self.negative != 0 or self.shape != other.shape or self.made_by is None or other.made_by is None:
            return False
        if not RECTIFIERS.fullmatch(self.made_by.name()):
            return False
        read = [node for node, _ in self.made_by.next_functions if node is not None]
        return read == [other.made_by] and not any(True for _ in self.part.parameters(recurse=False))

    def record(self, order: int) -> LayerRecord:
        """Return the record after both passes."""
        layout = self.layout
        why_not = self._why_not()
        return LayerRecord(
            name=self.name,
            type=type(self.part).__name__,
            order=order,
            calls=self.calls,
            shape=self.shape,
            layout=layout.name if layout else None,
            grid=layout.grid if layout and layout.name != "NC" else None,
            channels=layout.channels if layout else None,
            extra_tokens=layout.extra_tokens if layout else 0,
            gradient=self.gradient,
            negative=self.negative,
            norm=is_norm(self.part),
            same_as=maker.name if (maker := self.made_elsewhere()) is not None else "",
            usable=not why_not,
            why_not=why_not,
        )

    def _why_not(self) -> WhyNot:
        if not self.calls:
            return "not-run"
        if self.shape is None:
            return "not-tensor"
        if self.layout is None:
            return "window" if self.foreign_batch else "no-grid"
        if self.layout.name == "NC" or isinstance(self.part, ADAPTIVE):
            return "pooled"
        if self.layout.grid == (1, 1):
            return "single-cell"
        return "" if self.reached else "zero-gradient"


def watch(name: str, seen: dict[str, Observation], run: ProbeRun) -> Callable[[nn.Module, object, object], None]:
    """Return a forward hook that fills `seen[name]`, and lets the backward pass fill in the gradient."""

    def look(part: nn.Module, _args: object, output: object) -> None:
        observation = seen.pop(name) if name in seen else Observation(name, part)
        seen[name] = observation  # the latest is the last
        observation.calls += 1
        run.runs += 1
        observation.order = run.runs
        observation.gradient, observation.negative, observation.off = None, None, None
        observation.reached = observation.scores = observation.rectified = False
        tensor = tensor_in(output)
        observation.tensor = tensor
        if tensor is None:
            observation.shape = observation.layout = None
            return
        observation.shape = tuple(tensor.shape)
        observation.version, observation.made_by = _version(tensor), tensor.grad_fn
        observation.foreign_batch = tensor.ndim > 0 and tensor.shape[0] != run.batch
        observation.layout = find_layout(tensor, run.size, run.batch, part, run.hints)
        observation.maker = _maker(observation, seen, run)
        observation.maker_calls = observation.maker.calls if observation.maker is not None else 0
        if (grid := observation.grid()) is not None:
            # Read now: later modules may write over the tensor.
            grid = grid.detach()
            maker = observation.maker
            known = maker is not None and maker.tensor is tensor and maker.layout == observation.layout
            observation.negative = maker.negative if maker is not None and known else _negative_share(grid)
            observation.off = grid[:, :CHANNELS] < 0 if maker is None and observation.negative else None
        if observation.layout is not None and tensor.requires_grad:
            layout, call = observation.layout, observation.calls

            def read(gradient: Tensor) -> None:
                # A module may run again with another output: a target layer's output is its last.
                if call == observation.calls:
                    observation.read(gradient, layout, run.classes)

            tensor.register_hook(read)

    return look


def _negative_share(grid: Tensor) -> float:
    """Return the share of negative values in the sum of absolute values, 0..1; exactly 0 if there are none."""
    values = grid.float()
    # Not a difference of sums: by rounding alone it would be zero for one picture and not for the next.
    negative = float(values.clamp(max=0).sum())
    total = float(values.sum()) - 2 * negative  # of absolute values; a norm takes five times as long
    return -negative / total if 0 < total < inf else 0.0


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version  # noqa: SLF001


def _maker(observation: Observation, seen: dict[str, Observation], run: ProbeRun) -> Observation | None:
    """Return the first module with this very output, or the one that ran before if its output was only rearranged.

    A tensor that was written over since counts as another one: `out += identity` and an in-place ReLU pass on the
    object that a norm has made, but not its values.
    """
    # Looked up, not searched for: a network may have a hundred thousand modules.
    makers = run.makers.setdefault(id(observation.tensor), deque())
    while makers and not _made(*makers[0], observation):
        makers.popleft()
    makers.append((observation, observation.order))
    if (first := makers[0][0]) is not observation:
        return first
    made_by = observation.made_by
    if observation.layout is None or (made_by is not None and COMPUTING.fullmatch(made_by.name())):
        return None
    others = (other for other in reversed(seen.values()) if other is not observation)
    last = next((other for other in others if other.layout and other.still_holds()), None)
    mine, theirs = observation.grid(), last.grid() if last is not None else None
    if last is None or mine is None or theirs is None:
        return None
    # Comparing one cell rules out most of them before all are compared.
    if not torch.equal(mine[..., 0, 0], theirs[..., 0, 0]) or not torch.equal(mine, theirs):
        return None
    return last.made_elsewhere() or last


def _made(other: Observation, order: int, observation: Observation) -> bool:
    """Return whether a module's run of this order still stands for the output of another."""
    return other.order == order and other.tensor is observation.tensor and other.still_holds()
