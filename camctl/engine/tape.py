"""A tape: the operations of a forward pass that depend on one tensor, to be run again for others in its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

if TYPE_CHECKING:
    from torch import Tensor


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
        for index, step in enumerate(self.steps):
            # With a batch dimension a view may have to copy. It may if no later step writes to that memory.
            if step.operation is torch.ops.aten.view.default and self._written.get(step.memory, -1) < index:
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
        assert self._output is not None  # noqa: S101 - `finish` comes first
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
        for index, argument in enumerate(func._schema.arguments):  # noqa: SLF001
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            written = args[index] if index < len(args) else kwargs.get(argument.name)
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
