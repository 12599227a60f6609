"""The last functions that a forward pass called, to see what made its output: a softmax, a sigmoid, a linear layer."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEPT = 500
"""Number of calls that are kept, the last ones: forty heads of one output each make as many."""

SOFTMAX, LOG_SOFTMAX = frozenset({"softmax"}), frozenset({"log_softmax"})
SIGMOID = frozenset({"sigmoid", "special_expit", "expit"})
BOUNDED = SOFTMAX | SIGMOID | {"sigmoid_", "softmax_", "hardsigmoid", "hardsigmoid_"}
"""Functions whose results are within 0..1."""
POSITIVE = frozenset({"relu", "relu_", "softplus", "exp", "square", "abs"})
"""Functions whose results are never negative: no logit is made by one."""
WATCHED = BOUNDED | LOG_SOFTMAX | POSITIVE | {"linear"}


@dataclass(frozen=True)
class Call:
    """A call of a function of one tensor."""

    name: str
    source: Tensor
    result: Tensor

    def logits(self, answer: Tensor) -> Tensor | None:
        """Return its input in the shape of the answer (N, K) that it made; None if it holds no row for each picture."""
        count = len(self.source) if self.source.ndim > 1 else 1
        return (
            self.source.reshape(answer.shape) if (count, self.source.numel()) == (len(answer), answer.numel()) else None
        )


class LastFunctions(TorchFunctionMode):
    """Records, in a `with` block, the last calls of functions that may make a model's output.

    Only calls whose result has a row for each picture are kept: attention has more dimensions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: deque[Call] = deque(maxlen=KEPT)

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function, and keep it in mind."""
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if name in WATCHED and isinstance(result, Tensor) and sum(size > 1 for size in result.shape[1:]) <= 1:
            source = args[0] if args else (kwargs or {}).get("input")
            if isinstance(source, Tensor):
                self.calls.append(Call(name, source, result))
        return result

    def maker(self, answer: Tensor) -> Call | None:
        """Return the last call whose result is a tensor of these values, whatever its shape."""
        return next((call for call in reversed(self.calls) if _same(call.result, answer)), None)

    def place(self, call: Call) -> tuple[int, str]:
        """Return how many calls before the end a call stands, and its name: the same in each pass of a model."""
        return next(len(self.calls) - index for index, other in enumerate(self.calls) if other is call), call.name

    def at(self, before: int, name: str) -> Call | None:
        """Return the call at a place; None if another function was called there."""
        call = self.calls[-before] if before <= len(self.calls) else None
        return call if call is not None and call.name == name else None

    def of(self, source: Tensor) -> list[Call]:
        """Return the calls that were made on a tensor of these values."""
        return [call for call in self.calls if _same(call.source, source)]

    def reads(self, tensor: Tensor, others: Sequence[Tensor]) -> bool:
        """Return whether a linear layer computes one of the others from this tensor, which is a feature then."""
        made = [call.result for call in self.of(tensor) if call.name == "linear"]
        return any(_same(result, other) for result in made for other in others if other is not tensor)

    def bounds(self, answer: Tensor) -> bool:
        """Return whether every column of an answer (N, K) is one of a softmax or sigmoid."""
        rows = [call.result for call in self.calls if call.name in BOUNDED and call.result.ndim > 1]
        found = torch.zeros(answer.shape[1], dtype=torch.bool, device=answer.device)
        for result in rows:
            if len(result) == len(answer) and result.device == answer.device:
                columns = result.detach().flatten(1)[:, :, None].to(answer.dtype)
                found |= (columns == answer[:, None, :]).all(0).any(0)
        return bool(found.all())


def _same(one: Tensor, other: Tensor) -> bool:
    if one is other:
        return True
    if one.numel() != other.numel() or one.device != other.device:
        return False
    return torch.equal(one.detach().reshape(other.shape).to(other.dtype), other.detach())
