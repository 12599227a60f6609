"""Tensors and models that third parties' code is shown: what it changes of them is put back and reported."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from math import isclose
from typing import TYPE_CHECKING, Any

from camctl.errors import SpoiltModelError
from camctl.registry.guard import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from camctl.registry.discovery import Found

_missing = object()


def holds(tensor: Tensor) -> bool:
    """Return whether the storage of a plain tensor has room for every value: reading past it ends the process."""
    if not tensor.numel():
        return True
    last = tensor.storage_offset() + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.untyped_storage().nbytes() >= (last + 1) * tensor.element_size()


@contextmanager
def unwritten(found: Found, tensors: Sequence[Tensor]) -> Iterator[None]:
    """Restore shared tensors that a plugin writes over, and report it."""
    copies = [_Copy(tensor) for tensor in tensors]
    try:
        yield
    finally:
        written = [copy for copy in copies if copy.differs()]
        for copy in written:
            copy.restore()
    if written:
        raise fault(found, "writes over its inputs, which other plugins share; they were restored.")


class _Copy:
    """A tensor as it was."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.values, self.version = tensor, tensor.detach().clone(), tensor._version  # noqa: SLF001 - torch counts writes there
        self.storage, self.size = tensor.untyped_storage(), tensor.untyped_storage().nbytes()
        self.place = (tensor.storage_offset(), tensor.shape, tensor.stride())

    def differs(self) -> bool:
        """Return whether anything was changed: shape, storage or values, also through `.data`."""
        now = self.tensor
        if now.dtype != self.values.dtype or now.device != self.values.device or self.storage.nbytes() != self.size:
            return True
        if (now.storage_offset(), now.shape, now.stride()) != self.place or not holds(now):
            return True
        if now.untyped_storage().data_ptr() != self.storage.data_ptr() or now._version != self.version:  # noqa: SLF001
            return True
        # Writes through `.data` are not counted; NaN is no change of NaN.
        return not bool(((now == self.values) | (self.values != self.values)).all())

    def restore(self) -> None:
        """Put the storage, the shape and the values back."""
        import torch

        if self.storage.nbytes() < self.size:
            self.storage.resize_(self.size)
        with torch.no_grad():
            offset, shape, stride = self.place
            whole = torch.empty(0, dtype=self.values.dtype, device=self.values.device)
            self.tensor.data = whole.set_(self.storage, offset, shape, stride)
            self.tensor.copy_(self.values)


@contextmanager
def unchanged(found: Found, module: nn.Module, *, weigh: bool = True) -> Iterator[None]:
    """Undo a plugin's changes to parts, modes, hooks and gradients of a model, and report them.

    Values of weights cannot be restored; `weigh` finds also those that torch counts no writes of, by the norm of all
    weights. Raises `SpoiltModelError`, so that no more maps of this model are drawn.
    """
    from torch.nn.parameter import is_lazy

    parts = list(module.modules())
    before = [_Part(part) for part in parts]
    classes = _classes(parts)
    weights = [_Weight(weight) for weight in chain(module.parameters(), module.buffers()) if not is_lazy(weight)]
    norm = _norm(weights) if weigh else 0.0
    changed: set[str] = set()
    try:
        yield
    finally:
        changed |= {"attributes" for cls, functions in classes if _put_back_functions(cls, functions)}
        for part in before:
            changed |= part.restore()
        for weight in weights:
            changed |= weight.restore()
        if any(weight.spoilt() for weight in weights) or (weigh and not isclose(_norm(weights), norm, rel_tol=1e-6)):
            error = fault(found, "changes the weights of the model, which must be loaded again.")
            raise SpoiltModelError(error.message, hint=error.hint)
    if changed:
        raise fault(found, f"changes the model ({', '.join(sorted(changed))}); the changes were undone.")


def _classes(parts: Sequence[nn.Module]) -> list[tuple[type, dict[str, Any]]]:
    """Return the functions of every class of these modules."""
    classes = {cls for kind in {type(part) for part in parts} for cls in kind.__mro__ if cls is not object}
    return [(cls, {name: value for name, value in vars(cls).items() if callable(value)}) for cls in classes]


def _put_back_functions(cls: type, functions: dict[str, Any]) -> bool:
    """Restore the functions of a class; returns whether one was replaced."""
    now = vars(cls)
    lost = [name for name, value in functions.items() if now.get(name) is not value]
    for name in lost:
        setattr(cls, name, functions[name])
    return bool(lost)


class _Part:
    """A module's attributes, and what its dictionaries hold: parameters, buffers, modules, hooks."""

    def __init__(self, part: nn.Module) -> None:
        self.part, self.own = part, dict(vars(part))
        self.nested = [
            (name, value, dict(value))
            for name, value in self.own.items()
            if name[:1] == "_" and isinstance(value, dict)
        ]

    def restore(self) -> set[str]:
        """Put back what is missing, replaced or added; returns the kinds of changes.

        What a network's own forward pass sets, such as a cached size or buffer, is left.
        """
        now, changed = vars(self.part), set()
        for name, value in self.own.items():
            if (there := now.get(name, _missing)) is value:
                continue
            if there is _missing or name == "training" or isinstance(value, dict):
                changed.add("modes" if name == "training" else "attributes")
                now[name] = value
        for name in [name for name in now if name not in self.own and callable(getattr(type(self.part), name, None))]:
            changed.add("attributes")  # it hides a function of the class
            del now[name]
        for name, members, kept in self.nested:
            if _same(name, members, kept):
                continue
            changed.add("hooks" if "hooks" in name else "parts")
            members.clear()
            members.update(kept)
        return changed


def _same(name: str, members: dict[Any, Any], kept: dict[Any, Any]) -> bool:
    """Return whether a module's dictionary holds what it held; buffers may be new, of the same kind."""
    if name == "_buffers":
        return all(
            now is old or (now is not None and old is not None and (now.dtype, now.device) == (old.dtype, old.device))
            for now, old in ((members.get(key), old) for key, old in kept.items())
        )
    if "hooks" not in name and name not in {"_parameters", "_modules"}:
        return True
    return len(members) == len(kept) and all(members.get(key, _missing) is value for key, value in kept.items())


def _ask(read: Callable[[], Any]) -> Any:
    """Return what is read of a tensor; None where its kind (sparse, inference) has none."""
    try:
        return read()
    except (RuntimeError, ValueError):
        return None


class _Weight:
    """A parameter or buffer: what torch counts of it, and the values it stood for."""

    def __init__(self, weight: Tensor) -> None:
        self.weight, self.grad, self.trainable, self.values = weight, weight.grad, weight.requires_grad, weight.detach()
        self.version = _ask(lambda: weight._version)  # noqa: SLF001
        self.size = _ask(lambda: self.values.untyped_storage().nbytes())
        self.plain = self.size is not None and weight.is_floating_point() and not weight.is_meta

    def restore(self) -> set[str]:
        """Put back the tensor behind it, `requires_grad` and the gradient; returns the kinds of changes."""
        changed, weight = set(), self.weight
        kinds = [(tensor.dtype, tensor.device, _ask(tensor.data_ptr)) for tensor in (weight, self.values)]
        if kinds[0] != kinds[1]:
            changed.add("weights")
            weight.data = self.values
        if weight.requires_grad != self.trainable or weight.grad is not self.grad:
            changed.add("gradients")
            weight.requires_grad_(self.trainable).grad = self.grad
        return changed

    def spoilt(self) -> bool:
        """Return whether values were written over or lost; lost ones are made zero, so that they can be read."""
        if self.size is not None and self.values.untyped_storage().nbytes() < self.size:
            self.values.untyped_storage().resize_(self.size).fill_(0)
            return True
        return bool(_ask(lambda: self.weight._version) != self.version)  # noqa: SLF001


def _norm(weights: Sequence[_Weight]) -> float:
    """Return the norm of all weights; 0 if it is not finite, or torch has none for their kind."""
    from torch import no_grad
    from torch.nn.utils import get_total_norm

    plain = [weight.values for weight in weights if weight.plain and holds(weight.values)]
    with no_grad():
        norm = _ask(lambda: float(get_total_norm(plain))) or 0.0
    return norm if abs(norm) < float("inf") else 0.0
