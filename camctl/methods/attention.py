"""What attention layers look at: their weights, taken down in a forward pass of the method's own.

Fused attention never makes its weights. While a model is watched, a mode of torch sees every call of
`scaled_dot_product_attention`, however the model came by it, and works out the same by hand; it also sees every softmax
that has the shape of attention. Both end with the `with` block.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from camctl.plugin import Capture

    Keep = Callable[[Tensor], Tensor]
    """Is given attention's weights, and gives those that the network goes on with."""

OTHERS = "See others: camctl methods"


@dataclass(frozen=True)
class Attention:
    """The attention of a transformer's blocks over one sequence of L tokens, first block first."""

    weights: tuple[Tensor, ...]
    """(N, heads, L, L) a block, float32; a row says where one token looks, and adds up to 1."""
    gradients: tuple[Tensor, ...]
    """(N, heads, L, L) a block: of the score with respect to the weights; empty where none was given."""
    read: Tensor
    """(N, L): which tokens the head reads after the last block, as shares that add up to 1."""


def why_no_attention(module: nn.Module) -> str:
    """What `cannot` says, from the names of classes alone."""
    names = [type(part).__name__.casefold() for part in module.modules()]
    if any("window" in name or "swin" in name for name in names):
        return "its attention stays within windows, so that no row of weights spans the picture."
    if not any(word in name for name in names for word in ("attention", "attn", "msa")):
        return "it has no attention layers."
    return ""


def attention(capture: Capture, score: Callable[[Tensor], Tensor] | None = None) -> Attention:
    """The attention of all blocks, and the gradient of `score`, logits (N, classes) -> (), with respect to it.

    Runs the model twice. Raises `InputError` where there are no blocks of attention over one sequence of tokens.
    """
    import torch

    blocks = _blocks(capture)
    weights: list[Tensor] = []
    last: list[Tensor] = []
    with torch.enable_grad():
        with ExitStack() as stack:
            stack.enter_context(_after(capture, blocks[-1].name, lambda tokens: _leaf(tokens, last).clone()))
            stack.enter_context(_watched(_keeping(blocks, lambda found: _leaf(found, weights))))
            logits = capture.forward(capture.inputs).float()
        # Which tokens matter, not for which class: a square has a gradient wherever a logit has one.
        (reach,) = torch.autograd.grad(logits.square().sum(), last, retain_graph=True)
        gradients = torch.autograd.grad(score(logits), weights) if score is not None else ()
    far = reach.float().abs().sum(2)
    read = (far > 1e-6 * far.amax(1, keepdim=True)).float()  # rounding leaves specks
    return Attention(
        weights=tuple(one.detach().float() for one in weights),
        gradients=tuple(one.float() for one in gradients),
        read=read / read.sum(1, keepdim=True).clamp_min(1),
    )


def own_gradients(capture: Capture) -> tuple[Tensor, ...]:
    """Of each block, the gradient (N, heads, L, L) of its own score with respect to its own attention.

    A block's own score is what the rest of the model after the last block makes of its tokens. All blocks are scored
    as one batch, each differentiated back to its own input and no further. Runs the model twice.
    """
    import torch
    from torch.utils._pytree import tree_map

    blocks = _blocks(capture)
    weights: list[Tensor] = []
    tokens: list[Tensor] = []

    def alone(_block: nn.Module, args: Any, kwargs: Any) -> Any:
        return tree_map(lambda one: one.detach() if isinstance(one, torch.Tensor) else one, (args, kwargs))

    def joined(found: Tensor) -> Tensor:
        tokens.append(found)
        return torch.cat(tokens) if len(tokens) == len(blocks) else found

    with torch.enable_grad():
        with ExitStack() as stack:
            for block in blocks:
                part = capture.module.get_submodule(block.name)
                stack.callback(part.register_forward_pre_hook(alone, with_kwargs=True).remove)
                stack.enter_context(_after(capture, block.name, joined))
            stack.enter_context(_watched(_keeping(blocks, lambda found: _leaf(found, weights))))
            logits = capture.forward(capture.inputs).float()
        if len(logits) != len(blocks) * len(capture.inputs):
            message = "The head of this model scores all blocks' tokens as one picture."
            raise InputError(message, hint=OTHERS)
        score = logits.gather(1, capture.targets.repeat(len(blocks))[:, None]).sum()
        found = torch.autograd.grad(score, weights)
    return tuple(one.float() for one in found)


def as_grid(capture: Capture, tokens: Tensor) -> Tensor:
    """Values of all tokens (N, L) -> of the places (N, H, W), by the target layer's arrangement."""
    channels = capture.activations.shape[1]
    try:
        grid = capture.grid_of(tokens[:, :, None].expand(-1, -1, channels))
        if grid.shape == capture.activations.shape:
            return grid[:, 0]
    except (RuntimeError, IndexError):
        pass
    message = f"'{capture.layer}' does not put out the tokens that the attention of this model is over."
    raise InputError(message, hint="Choose a layer of the last blocks: camctl layers MODEL --usable")


@dataclass(frozen=True)
class _Block:
    """A module with one attention over the tokens inside, and which of all attentions seen that is."""

    name: str
    place: int


@dataclass(frozen=True)
class _Seen:
    """One attention of a forward pass: the modules that it ran inside, outermost first, and its weights' shape."""

    inside: tuple[str, ...]
    shape: tuple[int, ...]


def _seen(capture: Capture) -> tuple[list[_Seen], dict[str, int]]:
    """All attentions of a forward pass, and how many tokens each module put out that puts out tokens."""
    import torch

    inside: list[str] = []
    seen: list[_Seen] = []
    lengths: dict[str, int] = {}

    def enter(name: str, _part: nn.Module, _args: Any) -> None:
        inside.append(name)

    def leave(name: str, _part: nn.Module, _args: Any, output: Any) -> None:
        inside.pop()
        tokens = _first_tensor(output)
        if tokens is not None and tokens.ndim == 3 and len(tokens) == len(capture.inputs):  # noqa: PLR2004
            lengths[name] = tokens.shape[1]

    def note(weights: Tensor) -> Tensor:
        seen.append(_Seen(tuple(inside), tuple(weights.shape)))
        return weights

    with torch.no_grad(), ExitStack() as stack:
        for name, part in capture.module.named_modules():
            if name:
                stack.callback(part.register_forward_pre_hook(partial(enter, name)).remove)
                stack.callback(part.register_forward_hook(partial(leave, name)).remove)
        stack.enter_context(_watched(note))
        capture.forward(capture.inputs)
    return seen, lengths


def _blocks(capture: Capture) -> list[_Block]:
    """The blocks of the last sequence of tokens, found in a pass of their own."""
    seen, lengths = _seen(capture)
    if any(one.shape[0] != len(capture.inputs) for one in seen):
        message = "The attention of this model stays within windows, so that no row of weights spans the picture."
        raise InputError(message, hint=OTHERS)
    found = []
    for place, one in enumerate(seen):
        # The outermost module with this attention alone is its block: shortcuts and all.
        alone = [name for name in one.inside if sum(name in other.inside for other in seen) == 1]
        block = next((name for name in alone if lengths.get(name) == one.shape[-1]), None)
        if block is not None:
            found.append((_Block(block, place), one.shape[-1]))
    blocks = [block for block, length in found if length == found[-1][1]]
    if not blocks:
        message = "No block of this model attends from every token to every token."
        raise InputError(message, hint=OTHERS)
    return blocks


def _first_tensor(output: Any) -> Tensor | None:
    from torch import Tensor

    while isinstance(output, (tuple, list)) and output:
        output = output[0]
    return output if isinstance(output, Tensor) else None


@contextmanager
def _after(capture: Capture, name: str, change: Keep) -> Iterator[None]:
    """Send the tokens that a block puts out through `change`."""

    def swap(_block: nn.Module, _args: Any, output: Any) -> Any:
        if not isinstance(output, (tuple, list)):
            return change(output)
        return type(output)([swap(_block, _args, output[0]), *output[1:]])

    handle = capture.module.get_submodule(name).register_forward_hook(swap)
    try:
        yield
    finally:
        handle.remove()


def _leaf(tensor: Tensor, kept: list[Tensor]) -> Tensor:
    """The tensor itself where a graph leads to it, else the leaf of a new one; it is kept."""
    kept.append(tensor if tensor.requires_grad else tensor.detach().requires_grad_())
    return kept[-1]


def _keeping(blocks: Sequence[_Block], keep: Keep) -> Keep:
    """Give `keep` the attention of the blocks alone, which are known by the order of all."""
    wanted = {block.place for block in blocks}
    count = iter(range(10**9))
    return lambda weights: keep(weights) if next(count) in wanted else weights


@contextmanager
def _watched(keep: Keep) -> Iterator[None]:
    """Send the weights of every attention that torch computes inside through `keep`."""
    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    fused = functional.scaled_dot_product_attention
    softmaxes = {functional.softmax, torch.softmax, torch.Tensor.softmax}

    def by_hand(query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        square = query.ndim == 4 and query.shape[-2] == key.shape[-2]  # noqa: PLR2004
        return (
            _attend(keep, query, key, value, *args, **kwargs) if square else fused(query, key, value, *args, **kwargs)
        )

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if func is fused:
                return by_hand(*args, **kwargs)
            if func is functional.multi_head_attention_forward:
                # Written in Python, it runs out of the mode's sight, and without weights it calls the fused attention.
                functional.scaled_dot_product_attention = by_hand
                try:
                    return func(*args, **(kwargs | {"need_weights": False}))
                finally:
                    functional.scaled_dot_product_attention = fused
            result = func(*args, **kwargs)
            if func not in softmaxes or result.ndim != 4 or result.shape[-1] != result.shape[-2]:  # noqa: PLR2004
                return result
            dimension = kwargs.get("dim", args[1] if len(args) > 1 else None)
            return keep(result) if dimension in {-1, 3} and result.shape[-1] > 1 else result

    with Watch():
        yield


def _attend(  # noqa: PLR0913
    keep: Keep,
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
    """`scaled_dot_product_attention`, as torch's documentation writes it out."""
    if enable_gqa:
        key, value = (one.repeat_interleave(query.shape[1] // one.shape[1], 1) for one in (key, value))
    logits = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        logits = logits.masked_fill(~logits.new_ones(logits.shape[-2:]).tril().bool(), float("-inf"))
    if attn_mask is not None:
        hides = attn_mask.dtype.is_floating_point
        logits = logits + attn_mask if hides else logits.masked_fill(~attn_mask, float("-inf"))
    return keep(logits.softmax(-1)) @ value
