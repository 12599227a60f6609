"""Run only what follows the target layer.

One forward pass is traced operation by operation. The operations that depend on the target layer's output form a tape;
everything else, such as the parameters, is a constant on it. The tape is then played for many grids at once by `vmap`,
which adds a batch dimension to every operation: no shape that the network computed for itself changes.

A tape is used only after its output matched a full forward pass. Otherwise, or if tracing fails (activations become
Python numbers), full forward passes are run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from camctl.engine.layout import tensor_in, with_tensor
from camctl.engine.model_state import untouched
from camctl.engine.modules import ModuleTable
from camctl.errors import one_line, out_of_memory
from camctl.plugin.methods import hooked

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.engine.layout import Layout

CHUNK = 32
"""Grids played at once."""

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}
"""Largest difference from a full forward pass, as a share of the largest logit; `ROUGH` for half precisions."""

ROUGH = 0.05


class Untraceable(Exception):  # noqa: N818 - a finding rather than an error
    """The reason why a network cannot be traced."""


@dataclass(frozen=True)
class Slot:
    """A register of the tape: it holds one tensor that depends on the target layer."""

    index: int


@dataclass
class Step:
    """One operation with its flattened arguments; those that depend on the target layer are slots."""

    operation: Any
    leaves: list[Any]
    arrangement: Any
    results: list[Slot | None]
    spent: list[int] = field(default_factory=list)
    """Slots that no later step reads, freed after this step."""
    memory: int = 0
    """The memory that holds the result."""


class Tape(TorchDispatchMode):
    """Records the operations that depend on one tensor, from the last `start` on."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self._slots: dict[int, Slot] = {}
        self._alive: list[Tensor] = []  # a tensor that is gone could lend its identity to another
        self._constants: dict[int, tuple[Tensor, int]] = {}
        self._written: dict[int, int] = {}
        """Memory -> the last step that writes over it."""
        self.writes_over_input = True
        self._count = 0
        self._output: Slot | Tensor | None = None

    def start(self, tensor: Tensor) -> None:
        """Clear the tape and record what depends on `tensor`, which must not share memory with other tensors."""
        self.steps, self._slots, self._alive, self._count = [], {}, [], 0
        self._constants, self._written = {}, {}
        self._enter(tensor)

    def finish(self, output: Tensor) -> None:
        """Close the tape; `output` is what it returns. Raises `Untraceable`."""
        if any(constant._version != version for constant, version in self._constants.values()):  # noqa: SLF001
            raise Untraceable("a tensor is written over after it was used")
        self._output = self._slots.get(id(output), output)
        last = {slot.index: step for step in self.steps for slot in (*step.leaves, *step.results) if _is_slot(slot)}
        for index, step in last.items():
            if self._output != Slot(index):
                step.spent.append(index)
        self.writes_over_input = bool(self._alive) and _memory(self._alive[0]) in self._written
        for place, step in enumerate(self.steps):
            # With a batch dimension a view may have to copy. It may if no later step writes to that memory.
            if step.operation is torch.ops.aten.view.default and self._written.get(step.memory, -1) < place:
                step.operation = torch.reshape
        self._slots, self._alive = {}, []

    def play(self, tensor: Tensor) -> Tensor:
        """Return the network's output for another tensor in place of the recorded one."""
        values: dict[int, Tensor] = {0: tensor}
        for step in self.steps:
            leaves = [values[leaf.index] if _is_slot(leaf) else leaf for leaf in step.leaves]
            args, kwargs = tree_unflatten(leaves, step.arrangement)
            results = tree_leaves(step.operation(*args, **kwargs))
            for slot, result in zip(step.results, results, strict=True):
                if slot is not None:
                    values[slot.index] = result
            for index in step.spent:
                values.pop(index, None)
        if isinstance(self._output, Slot):
            return values[self._output.index]
        if self._output is None:
            message = "play() needs a finished tape"
            raise RuntimeError(message)
        return self._output

    def _enter(self, tensor: Tensor) -> Slot:
        slot = self._slots[id(tensor)] = Slot(self._count)
        self._alive.append(tensor)
        self._count += 1
        return slot

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        leaves, arrangement = tree_flatten((args, kwargs or {}))
        if not any(isinstance(leaf, torch.Tensor) and id(leaf) in self._slots for leaf in leaves):
            return func(*args, **(kwargs or {}))
        self._check(func, args, kwargs or {})
        recorded = [self._take(leaf) for leaf in leaves]
        result = func(*args, **(kwargs or {}))
        step = Step(func, recorded, arrangement, [])
        for value in tree_leaves(result):
            if value is not None and not isinstance(value, torch.Tensor):
                raise Untraceable(f"{func} makes a Python value of what depends on the layer")
            step.results.append(None if value is None else self._enter(value))
            step.memory = 0 if value is None else _memory(value)
        self.steps.append(step)
        return result

    def _take(self, leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        slot = self._slots.get(id(leaf))
        if slot is None:
            self._constants.setdefault(id(leaf), (leaf, leaf._version))  # noqa: SLF001
        return leaf if slot is None else slot

    def _check(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise `Untraceable` for operations that may differ for another grid."""
        chosen = args[1] if func is torch.ops.aten.index.Tensor else (args, kwargs)
        if not {torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output}.isdisjoint(func.tags) and any(
            isinstance(leaf, torch.Tensor) and id(leaf) in self._slots for leaf in tree_leaves(chosen)
        ):
            raise Untraceable(f"{func} depends on values")
        for place, argument in enumerate(func._schema.arguments):  # noqa: SLF001
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            written = args[place] if place < len(args) else kwargs.get(argument.name)
            for leaf in tree_leaves(written):
                if not isinstance(leaf, torch.Tensor):
                    continue
                if id(leaf) not in self._slots:
                    raise Untraceable(f"{func} writes over what does not depend on the layer")
                self._written[_memory(leaf)] = len(self.steps)


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001 - torch's own name for a storage


def _is_slot(leaf: Any) -> bool:
    return isinstance(leaf, Slot)


class Replay:
    """Computes logits from grids at the target layer. Nothing runs before the first call; the tape is recorded once.

    Parameters
    ----------
    model
        The model, or the table of its modules.
    layer
        Name of the target layer; a layer that is called several times is replayed from its last call.
    layout, raw
        The layer's layout and its output (N, ...) for `inputs` (N, 3, h, w).
    forward
        Inputs -> logits.
    """

    def __init__(
        self,
        model: nn.Module | ModuleTable,
        layer: str,
        layout: Layout,
        raw: Tensor,
        inputs: Tensor,
        forward: Callable[[Tensor], Tensor],
    ) -> None:
        self.table, self.layout = ModuleTable.of(model), layout
        self.layer = self.table.parts[layer]
        self.raw, self.inputs, self.forward = raw, inputs, forward
        self.why_whole = ""
        """Why full forward passes are run; empty if a tape is played, or before the first call."""
        self._tape: Tape | None = None
        self._calls = self._left = 0

    def __call__(self, grids: Tensor) -> Tensor:
        """Grids (N*K, C, H, W), the K of the first view first -> logits (N*K, classes), float32."""
        views = self.inputs.shape[0]
        wanted = self.layout.to_grid(self.raw).shape[1:]
        if grids.ndim != 4 or grids.shape[1:] != wanted or grids.shape[0] % views:  # noqa: PLR2004
            message = f"replay takes grids ({views}*K, {', '.join(map(str, wanted))}), not {tuple(grids.shape)}"
            raise ValueError(message)
        with torch.no_grad(), untouched(self.table):
            if self._tape is None and not self.why_whole:
                self._prepare()
            if self._tape is not None:
                try:
                    return self._play(self._tape, grids)
                except RuntimeError as error:
                    if out_of_memory(error):
                        raise
                    self._give_up(error)
            return self._whole(grids)

    def _prepare(self) -> None:
        """Record the tape and compare it with a full forward pass on grids that differ from the layer's own."""
        grid = self.layout.to_grid(self.raw)
        probe = torch.stack([grid, grid.flip(2, 3) / 2], 1).flatten(0, 1)
        try:
            tape = self._record()
            played = self._play(tape, probe)[1::2]
        except Exception as error:
            if out_of_memory(error):
                raise
            self._give_up(error)
            return
        if _close(played, self._whole(probe[1::2]), self.raw.dtype):
            self._tape = tape
        else:
            self._give_up(Untraceable("the tape's output differs from the network's"))

    def _give_up(self, error: Exception) -> None:
        self._tape, self.why_whole = None, one_line(error)

    def _record(self) -> Tape:
        tape, calls = Tape(), 0

        def start(output: Any) -> Any:
            nonlocal calls
            calls += 1
            tensor = tensor_in(output)
            if tensor is None:
                return None
            # A layer may pass its input through, or its output may be written over: the tape starts at a clone.
            clone = tensor.clone()
            tape.start(clone)
            return with_tensor(output, tensor, clone)

        # Fused attention has no batched form; the plain operations have.
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with hooked(self.layer, start), sdpa_kernel(SDPBackend.MATH), tape:
                logits = self.forward(self.inputs)
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
        if not tape._count:  # noqa: SLF001
            raise Untraceable("the layer has no output")
        tape.finish(logits)
        self._calls = calls
        return tape

    def _play(self, tape: Tape, grids: Tensor) -> Tensor:
        by_view = grids.unflatten(0, (self.inputs.shape[0], -1))
        chunks = []
        with warnings.catch_warnings():
            # An operation without a batched form runs grid by grid: slower, with the same result.
            warnings.filterwarnings("ignore", message="There is a performance drop")
            for part in by_view.split(CHUNK, 1):
                count = part.shape[1]
                raws = self.raw[:, None].expand(-1, count, *self.raw.shape[1:]).flatten(0, 1)
                outputs = self.layout.output_of(part.flatten(0, 1), raws).unflatten(0, (-1, count)).transpose(0, 1)
                # The outputs may be the caller's own grids.
                outputs = outputs.clone() if tape.writes_over_input else outputs
                chunks.append(torch.func.vmap(tape.play)(outputs).float())
        return torch.cat(chunks).transpose(0, 1).flatten(0, 1)

    def _whole(self, grids: Tensor) -> Tensor:
        """Return logits by full forward passes, one grid per view inserted at the layer's last call."""
        by_view = grids.unflatten(0, (self.inputs.shape[0], -1))
        if not self._calls:
            self._count_calls()
        logits = []
        for part in by_view.unbind(1):
            self._left = self._calls
            with hooked(self.layer, partial(self._put, part)):
                logits.append(self.forward(self.inputs).float())
        return torch.stack(logits, 1).flatten(0, 1)

    def _count_calls(self) -> None:
        def count(_output: Any) -> None:
            self._calls += 1

        with hooked(self.layer, count):
            self.forward(self.inputs)

    def _put(self, grids: Tensor, output: Any) -> Any:
        self._left -= 1
        tensor = tensor_in(output)
        if self._left or tensor is None:
            return None
        return with_tensor(output, tensor, self.layout.output_of(grids, tensor).clone())


def _close(one: Tensor, other: Tensor, precision: torch.dtype) -> bool:
    scale = other.abs().nan_to_num(0, 0, 0).max().clamp_min(1e-12)
    allowed = float(scale) * TOLERANCE.get(precision, ROUGH)
    return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=allowed, equal_nan=True)
