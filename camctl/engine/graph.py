"""Networks that run without gradients of their own accord, or that need them: pass them again in another manner."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NEEDS_GRADIENTS = "doesn't require grad"
"""In torch's message where a hook is set on a tensor of a pass without gradients."""

INFERENCE = "inference"
"""In torch's messages on tensors that were made in inference mode."""

CHECKPOINT = "incompatible with .grad()"
"""In torch's message on checkpointing that recomputes layers in the old way (reentrant)."""

_restart: ContextVar[Callable[[], None] | None] = ContextVar("restart", default=None)
"""Forgets what was recorded of a pass that is run again."""


class KeepsGraph(TorchFunctionMode):
    """Records every operation for a backward pass, even inside `no_grad` and `inference_mode` of the network's own."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation with gradients."""
        with torch.inference_mode(mode=False), torch.enable_grad():
            return func(*args, **(kwargs or {}))


@contextmanager
def out_of_inference() -> Iterator[None]:
    """Leave the caller's inference mode, whose tensors can be in no graph; without one, nothing changes."""
    if not torch.is_inference_mode_enabled():
        yield
        return
    with torch.inference_mode(mode=False), torch.no_grad():
        yield


@contextmanager
def restarting(forget: Callable[[], None]) -> Iterator[None]:
    """Call `forget` before a pass is run again inside the block, so that what it recorded does not count twice."""
    token = _restart.set(forget)
    try:
        yield
    finally:
        _restart.reset(token)


def gradients_of(score: Tensor, tensors: Sequence[Tensor], *, last: bool) -> Sequence[Tensor | None] | None:
    """Return the gradients of a score; None for a network whose checkpointing hides them (reentrant).

    `last`: the graph may be freed.
    """
    try:
        return torch.autograd.grad(score, tensors, retain_graph=not last, allow_unused=True)
    except RuntimeError as error:
        if CHECKPOINT not in str(error):
            raise
        return None


def with_graph(forward: Callable[[Tensor], Tensor], inputs: Tensor, forget: Callable[[], None]) -> Tensor:
    """Return the logits with their graph: a network that runs without gradients is run again with them.

    `forget` is called before the second pass. A network that detaches its features has no graph either way.
    """
    logits = forward(inputs)
    if logits.requires_grad:
        return logits
    forget()
    try:
        with KeepsGraph():
            return forward(inputs)
    except InputError:  # such as one that turns its features into NumPy
        forget()
        return forward(inputs)


def has_graph(forward: Callable[[Tensor], Tensor], inputs: Tensor) -> bool:
    """Return whether gradients of the logits reach the inputs."""
    start = inputs.detach().clone().requires_grad_()
    try:
        with torch.enable_grad(), KeepsGraph():
            score = forward(start).sum()
            return score.requires_grad and bool(gradients_of(score, [start], last=True))
    except InputError:
        return False


def retried(forward: Callable[[Tensor], Any], inputs: Tensor, error: BaseException) -> Any:
    """Return the output of a second pass if gradients, or the lack of them, made the first one fail; else None."""
    text = str(error).casefold()
    if NEEDS_GRADIENTS not in text and INFERENCE not in text:
        return None
    if forget := _restart.get():
        forget()
    wanted = torch.is_grad_enabled()
    keeps = KeepsGraph() if INFERENCE in text else nullcontext()
    try:
        with torch.enable_grad(), keeps:
            start = inputs.clone()
            output = forward(start if start.requires_grad else start.requires_grad_())
    except Exception:  # noqa: BLE001 - the first error is the one to report
        return None
    return output.detach() if isinstance(output, Tensor) and not wanted else output
