"""Attention weights of a transformer's blocks, recorded in a forward pass of the method's own.

Fused attention never computes its weights. Inside `_watched`, a torch function mode sees every call of
`scaled_dot_product_attention`, wherever it comes from, and computes the same explicitly; it also sees every softmax
that has the shape of attention.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch
    from torch import Tensor, nn

    from camctl.plugin import Capture

    Change = Callable[[Tensor], Tensor]  # from a tensor to the one that the network goes on with

OTHERS = Hint("See other methods", "methods")
SEQUENCE = 3
"""Dimensions of a sequence of tokens (N, L, C)."""


@dataclass(frozen=True)
class Attention:
    """Attention of a transformer's blocks over one sequence of L tokens, first block first."""

    weights: tuple[Tensor, ...]
    """(N, heads, L, L) for each block, float32; a row is one token's attention and adds up to 1."""
    gradients: tuple[Tensor, ...]
    """(N, heads, L, L) for each block: gradients of the score; empty without a score."""
    read: Tensor
    """(N, L): shares, adding up to 1, of the tokens that the head reads after the last block."""


def why_no_attention(module: nn.Module) -> str:
    """Why a method on attention cannot work on a model, by the names of its classes; empty if it can."""
    names = [type(part).__name__.casefold() for part in module.modules()]
    if any("window" in name or "swin" in name for name in names):
        return "its attention stays within windows, so that no row of weights spans the picture."
    if not any(word in name for name in names for word in ("attention", "attn", "msa")):
        return "it has no attention layers."
    return ""


def attention(capture: Capture, score: Callable[[Tensor], Tensor] | None = None) -> Attention:
    """Attention of all blocks, and the gradients of `score`, logits (N, classes) -> (), with respect to it.

    Runs the model twice. Raises `InputError` if no blocks have attention over one sequence of tokens.
    """
    import torch

    blocks = _blocks(capture)
    weights: list[Tensor] = []
    tokens: list[Tensor] = []
    with torch.enable_grad():
        ends = capture.hooked(_on_tokens(lambda output: _leaf(output, tokens).clone()), blocks[-1].name)
        with ends, _watched(_of(blocks, lambda found: _leaf(found, weights))):
            logits = capture.forward(capture.inputs).float()
        # Only which tokens matter, for any class: a square has a gradient wherever a logit has one.
        (reach,) = torch.autograd.grad(logits.square().sum(), tokens, retain_graph=True)
        gradients = torch.autograd.grad(score(logits), weights) if score is not None else ()
    far = reach.float().abs().sum(2)
    read = (far > 1e-6 * far.amax(1, keepdim=True)).float()  # not what rounding leaves
    return Attention(
        weights=tuple(block.detach().float() for block in weights),
        gradients=tuple(block.float() for block in gradients),
        read=read / read.sum(1, keepdim=True).clamp_min(1),
    )


def own_gradients(capture: Capture) -> tuple[Tensor, ...]:
    """Gradient (N, heads, L, L) of each block's own score with respect to its own attention.

    A block's own score is what the model after the last block computes from its tokens. All blocks are scored as one
    batch, each differentiated back to its own input only. Runs the model twice.
    """
    import torch
    from torch.utils._pytree import tree_map

    blocks = _blocks(capture)
    weights: list[Tensor] = []
    tokens: list[Tensor] = []

    def detached(_block: nn.Module, args: Any, kwargs: Any) -> Any:
        return tree_map(lambda value: value.detach() if isinstance(value, torch.Tensor) else value, (args, kwargs))

    def joined(output: Tensor) -> Tensor:
        tokens.append(output)
        return torch.stack(tokens, 1).flatten(0, 1) if len(tokens) == len(blocks) else output

    with torch.enable_grad():
        with ExitStack() as stack:
            for block in blocks:
                part = capture.module.get_submodule(block.name)
                stack.callback(part.register_forward_pre_hook(detached, with_kwargs=True).remove)
                stack.enter_context(capture.hooked(_on_tokens(joined), block.name))
            stack.enter_context(_watched(_of(blocks, lambda found: _leaf(found, weights))))
            logits = capture.forward(capture.inputs).float()
        if len(logits) != len(blocks) * len(capture.inputs):
            message = "The head of this model scores all blocks' tokens as one picture."
            raise InputError(message, hint=OTHERS)
        score = logits.gather(1, capture.targets.repeat_interleave(len(blocks))[:, None]).sum()
        gradients = torch.autograd.grad(score, weights)
    return tuple(block.float() for block in gradients)


def as_grid(capture: Capture, tokens: Tensor) -> Tensor:
    """Arrange values of all tokens (N, L) as a grid (N, H, W), like the target layer."""
    channels = capture.activations.shape[1]
    try:
        grid = capture.grid_of(tokens[:, :, None].expand(-1, -1, channels))
        if grid.shape == capture.activations.shape:
            return grid[:, 0]
    except (RuntimeError, IndexError):
        pass
    message = f"The output of '{capture.layer}' is not the sequence of tokens that this model's attention is over."
    raise InputError(message, hint=Hint("Choose a layer of the last blocks", "layers", usable=True))


@dataclass(frozen=True)
class _Block:
    """A module that contains one attention over its tokens, and the index of that attention in a forward pass."""

    name: str
    index: int


def _calls(capture: Capture) -> tuple[list[tuple[tuple[str, ...], torch.Size]], dict[str, int]]:
    """All attentions of a forward pass, and the number of tokens by module, for modules that output tokens.

    Of an attention, the modules that it ran inside, outermost first, and the shape of its weights.
    """
    import torch

    running: list[str] = []
    calls: list[tuple[tuple[str, ...], torch.Size]] = []
    lengths: dict[str, int] = {}

    def enter(name: str, _part: nn.Module, _args: Any) -> None:
        running.append(name)

    def leave(name: str, _part: nn.Module, _args: Any, output: Any) -> None:
        running.pop()
        while isinstance(output, (tuple, list)) and output:
            output = output[0]
        if isinstance(output, torch.Tensor) and output.ndim == SEQUENCE and len(output) == len(capture.inputs):
            lengths[name] = output.shape[1]

    def record(weights: Tensor) -> Tensor:
        calls.append((tuple(running), weights.shape))
        return weights

    with torch.no_grad(), ExitStack() as stack:
        for name, part in capture.module.named_modules():
            if name:
                stack.callback(part.register_forward_pre_hook(partial(enter, name)).remove)
                stack.callback(part.register_forward_hook(partial(leave, name)).remove)
        stack.enter_context(_watched(record))
        capture.forward(capture.inputs)
    return calls, lengths


def _blocks(capture: Capture) -> list[_Block]:
    """Blocks over the last sequence of tokens, found by a forward pass."""
    calls, lengths = _calls(capture)
    if any(shape[0] != len(capture.inputs) for _, shape in calls):
        message = "The attention of this model stays within windows, so that no row of weights spans the picture."
        raise InputError(message, hint=OTHERS)
    blocks: list[tuple[_Block, int]] = []
    for index, (modules, shape) in enumerate(calls):
        # A block is the outermost module with this attention only: it includes the shortcuts.
        alone = [name for name in modules if sum(name in others for others, _ in calls) == 1]
        name = next((name for name in alone if lengths.get(name) == shape[-1]), None)
        if name is not None:
            blocks.append((_Block(name, index), shape[-1]))
    if not blocks:
        message = "No block of this model attends from every token to every token."
        raise InputError(message, hint=OTHERS)
    return [block for block, length in blocks if length == blocks[-1][1]]


def _on_tokens(change: Change) -> Callable[[Any], Any]:
    """Apply `change` to the tokens of a block's output, which may be the first item of a tuple."""

    def swap(output: Any) -> Any:
        if not isinstance(output, (tuple, list)):
            return change(output)
        return type(output)([swap(output[0]), *output[1:]])

    return swap


def _leaf(tensor: Tensor, leaves: list[Tensor]) -> Tensor:
    """The tensor itself if it is in a graph, else as the leaf of a new one; added to `leaves`."""
    leaves.append(tensor if tensor.requires_grad else tensor.detach().requires_grad_())
    return leaves[-1]


def _of(blocks: Sequence[_Block], change: Change) -> Change:
    """Apply `change` to the attention of these blocks only, which are known by their order in the pass."""
    indices = {block.index for block in blocks}
    calls = count()
    return lambda weights: change(weights) if next(calls) in indices else weights


@contextmanager
def _watched(change: Change) -> Iterator[None]:
    """Pass the weights of every attention that torch computes inside the block through `change`."""
    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    fused = functional.scaled_dot_product_attention
    softmaxes = {functional.softmax, torch.softmax, torch.Tensor.softmax}

    def by_hand(query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        square = query.ndim == 4 and query.shape[-2] == key.shape[-2]  # noqa: PLR2004
        attend = partial(_attend, change) if square else fused
        return attend(query, key, value, *args, **kwargs)

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if func is fused:
                return by_hand(*args, **kwargs)
            if func is functional.multi_head_attention_forward:
                # Written in Python, it runs outside the mode; without weights it calls the fused attention.
                functional.scaled_dot_product_attention = by_hand
                try:
                    return func(*args, **(kwargs | {"need_weights": False}))
                finally:
                    functional.scaled_dot_product_attention = fused
            result = func(*args, **kwargs)
            if func not in softmaxes or result.ndim != 4 or result.shape[-1] != result.shape[-2]:  # noqa: PLR2004
                return result
            dimension = kwargs.get("dim", args[1] if len(args) > 1 else None)
            return change(result) if dimension in {-1, 3} and result.shape[-1] > 1 else result

    with Watch():
        yield


def _attend(  # noqa: PLR0913
    change: Change,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,  # noqa: ARG001 - a model in eval mode drops nothing
    is_causal: bool = False,  # noqa: FBT001, FBT002 - as torch has it
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """`scaled_dot_product_attention` as written out in torch's documentation."""
    if enable_gqa:
        key, value = (part.repeat_interleave(query.shape[1] // part.shape[1], 1) for part in (key, value))
    logits = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        logits = logits.masked_fill(~logits.new_ones(logits.shape[-2:]).tril().bool(), float("-inf"))
    if attn_mask is not None:
        added = attn_mask.dtype.is_floating_point
        logits = logits + attn_mask if added else logits.masked_fill(~attn_mask, float("-inf"))
    return change(logits.softmax(-1)) @ value
