"""Find the grid in a layer's output, and convert between the raw output and (N, C, H, W)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, floor, inf
from typing import TYPE_CHECKING

import torch
from torch import nn

from camctl.errors import Hint, PluginError

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.plugin import Adapter
    from camctl.values.layer_map import LayoutName

MOST_EXTRA_TOKENS = 16
"""More class, distillation and register tokens than any published classifier has."""

ROUNDING = 1e-3
"""Largest deviation of a softmax's sum from one in half precision."""


@dataclass(frozen=True)
class Layout:
    """How a layer's output is arranged, and the function that turns it into (N, C, H, W)."""

    name: LayoutName
    grid: tuple[int, int]
    channels: int
    extra_tokens: int
    to_grid: Callable[[Tensor], Tensor]
    flips: tuple[int, ...] = ()
    """Dimensions of the grid that are mirrored back, since the layer sees the picture mirrored."""

    def mirrored(self, flips: tuple[int, ...]) -> Layout:
        """Return the layout of a layer that sees the picture mirrored along dimensions of the grid."""
        to_grid = self.to_grid
        return replace(self, to_grid=lambda output: to_grid(output).flip(flips), flips=flips)

    def output_of(self, grid: Tensor, output: Tensor) -> Tensor:
        """Return a raw output that holds `grid` (N, C, H, W), and everything else of `output`.

        The inverse is derived by sending every element's index through `to_grid`, so that an adapter implements one
        direction only.
        """
        if self.name == "NCHW":
            return grid.flip(self.flips).to(output.dtype) if self.flips else grid.to(output.dtype)
        elements = torch.arange(output.numel(), device=output.device).reshape(output.shape)
        indices = self.to_grid(elements).reshape(-1)
        flat = output.reshape(-1).index_copy(0, indices, grid.to(output.dtype).reshape(-1))
        return flat.reshape(output.shape)


@dataclass(frozen=True)
class LayoutHints:
    """What the user or an adapter says about the layout; the forward pass decides."""

    adapter: Adapter | None = None
    claimed_tokens: int | None = None
    """Extra tokens according to the adapter; a layer that shows otherwise is right."""
    extra_tokens: int | None = None
    """Extra tokens according to the user (`--num-extra-tokens`)."""
    call: int | None = None
    """Run of a layer that runs several times in a pass, counted from 1, according to the user (`--call`)."""
    tokens: bool = False
    """A 3-D output is (N, L, C), whatever else it could be (`--vit-like`)."""


def tensor_in(output: object) -> Tensor | None:
    """Return the tensor of a module's output that holds its grid; None if it has no tensor.

    It is the last of several feature maps (a backbone's stages), and the first of anything else (attention and its
    weights).
    """
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, dict):
        output = tuple(output.values())
    if not isinstance(output, (tuple, list)):
        return None
    tensors = [tensor for item in output if (tensor := tensor_in(item)) is not None]
    if not tensors:
        return None
    stages = len({(t.ndim, t.shape[:1]) for t in tensors}) == 1 and tensors[0].ndim == 4  # noqa: PLR2004
    return tensors[-1] if stages else tensors[0]


def with_tensor(output: object, old: Tensor, new: Tensor) -> object:
    """Return a module's output, of the same type, with the tensor `old` (by identity) replaced by `new`."""
    if output is old:
        return new
    if isinstance(output, dict):
        items = {key: with_tensor(value, old, new) for key, value in output.items()}
        return items if type(output) is dict else type(output)(**items)
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)._make(with_tensor(item, old, new) for item in output)  # type: ignore[attr-defined]
    if isinstance(output, (tuple, list)):
        return type(output)(with_tensor(item, old, new) for item in output)
    return output


def find_layout(
    output: Tensor, input_size: tuple[int, int], batch: int, module: nn.Module, hints: LayoutHints
) -> Layout | None:
    """Return the layout of a layer's output, or None if it has no grid.

    A grid has about the aspect ratio of the input (height, width), and the first dimension `batch`: windows and heads
    have none.
    """
    if output.ndim < 2 or output.shape[0] != batch or not output.is_floating_point() or _is_attention(output):  # noqa: PLR2004
        return None
    if hints.adapter is not None and (layout := _adapter_layout(output, input_size, hints.adapter)) is not None:
        return layout
    if output.ndim == 2:  # noqa: PLR2004
        return Layout("NC", (1, 1), output.shape[1], 0, lambda t: t[:, :, None, None])
    if output.ndim == 4:  # noqa: PLR2004
        return _plane_layout(output, input_size, module)
    if output.ndim == 3:  # noqa: PLR2004
        return _token_layout(output, input_size, module, hints)
    return None


def _is_attention(output: Tensor) -> bool:
    """Return whether all rows are weights that sum to one: attention weights are not features."""
    if output.ndim < 3:  # noqa: PLR2004
        return False
    output = output.detach()
    # One row nearly always decides.
    for some in (output[:1, :1, :1] if output.ndim > 3 else output[:1, :1], output):  # noqa: PLR2004
        if some.numel() == 0 or some.shape[-1] == 1 or bool(some.min() < 0):
            return False
        if not bool(((some.float().sum(-1) - 1).abs() < ROUNDING).all()):
            return False
    return True


def _adapter_layout(output: Tensor, input_size: tuple[int, int], adapter: Adapter) -> Layout | None:
    grid = adapter.to_grid(output, input_size)
    if grid is None:
        return None

    def to_grid(tensor: Tensor) -> Tensor:
        result = adapter.to_grid(tensor, input_size)
        if result is None:
            message = f"The adapter {adapter} rearranged a layer's output at first, and returned None later."
            raise PluginError(message, hint=Hint("Choose another adapter", adapter="NAME"))
        return result

    height, width = grid.shape[2:]
    extra = output.shape[1] - height * width if output.ndim == 3 else 0  # noqa: PLR2004
    return Layout("adapter", (height, width), grid.shape[1], extra, to_grid)


def _plane_layout(output: Tensor, input_size: tuple[int, int], module: nn.Module) -> Layout | None:
    _, a, b, c = output.shape
    first = Layout("NCHW", (b, c), a, 0, lambda t: t)
    last = Layout("NHWC", (a, b), c, 0, lambda t: t.permute(0, 3, 1, 2))
    if (b, c) == (1, 1):
        return first
    if (a, b) == (1, 1) and c > 1 and (type(module) is nn.Linear or _norms_last(module, c)):
        return last
    if _norms_last(module, c):
        return last if follows(input_size, (a, b)) else None
    fits_first, fits_last = follows(input_size, (b, c)), follows(input_size, (a, b))
    if fits_first and fits_last:
        # A cube: only the kind of module decides. Subclasses of LayerNorm often normalise (N, C, H, W).
        return last if type(module) is nn.Linear else first
    if fits_first or fits_last:
        return first if fits_first else last
    return None


def _norms_last(module: nn.Module, size: int) -> bool:
    """Return whether a norm ran over the last dimension, which then holds channels. Subclasses often permute inside."""
    return type(module) is nn.LayerNorm and module.normalized_shape == (size,)


def follows(input_size: tuple[int, int], grid: tuple[int, int]) -> bool:
    """Return whether a grid covers the input with about one integer stride in both directions.

    Unpadded convolutions lose a few cells, so a grid may be off by two cells or 6 %, but by at most a quarter.
    """
    (height, width), (rows, columns) = input_size, grid
    if rows > height or columns > width or min(grid) < 1:
        return False
    if grid == (1, 1):
        return True
    slack = min(max(2.0, 0.06 * max(grid)), max(grid) / 4)
    # The stride follows from the longer side, where rounding matters least.
    stride = max(1, round(height / rows if height >= width else width / columns))
    return abs(rows - height / stride) <= slack and abs(columns - width / stride) <= slack


def _token_layout(output: Tensor, input_size: tuple[int, int], module: nn.Module, hints: LayoutHints) -> Layout | None:
    _, a, b = output.shape
    tokens = None
    one_dimensional = isinstance(module, (nn.Conv1d, nn.BatchNorm1d))
    # A number of extra tokens says that there are tokens: a wrong one must not turn channels into cells.
    declared = hints.tokens or (hints.extra_tokens is not None and not one_dimensional)
    if hints.extra_tokens is None and hints.claimed_tokens is not None:
        tokens = token_grid(a, input_size, hints.claimed_tokens)
    tokens = tokens or token_grid(a, input_size, hints.extra_tokens)
    channels_first = None if declared or _norms_last(module, b) else token_grid(b, input_size, 0)
    # A factorisation without extra tokens goes before one with extra tokens that nobody declared.
    expected = {0, hints.claimed_tokens, hints.extra_tokens}
    # Widths are round numbers, and a ViT-L is 1024 = 32 x 32 wide: 197 are tokens, not channels.
    unforeseen = tokens is not None and tokens[1] not in expected and a % 8 == 0
    if type(module) in (nn.LayerNorm, nn.Linear) and tokens is not None:
        unforeseen = False
    if channels_first is not None and (tokens is None or one_dimensional or unforeseen):
        (height, width), _ = channels_first
        return Layout("NCL", (height, width), a, 0, lambda t: t.unflatten(2, (height, width)))
    if tokens is None:
        return None
    (height, width), extra = tokens
    return Layout("NLC", (height, width), b, extra, _tokens_to_grid(height, width, extra))


def _tokens_to_grid(height: int, width: int, extra: int) -> Callable[[Tensor], Tensor]:
    return lambda t: t[:, extra:].unflatten(1, (height, width)).permute(0, 3, 1, 2)


def token_grid(length: int, input_size: tuple[int, int], extra: int | None) -> tuple[tuple[int, int], int] | None:
    """Return ((height, width), extra tokens) of a sequence of `length` tokens, or None.

    The fewest extra tokens win that leave a grid of one integer stride in both directions; then, of any stride.
    """
    counts = range(min(MOST_EXTRA_TOKENS, length - 1) + 1) if extra is None else (extra,)
    for whole in (True, False):
        for count in counts:
            grid = _factor(length - count, input_size, whole=whole)
            if grid is not None and (grid != (1, 1) or length == 1):
                return grid, count
    return None


def _factor(cells: int, input_size: tuple[int, int], *, whole: bool) -> tuple[int, int] | None:
    """Factor `cells` into rows and columns that one stride explains, rounded down or up in both directions."""
    height, width = input_size
    for rows in range(1, min(cells, height) + 1):
        columns, rest = divmod(cells, rows)
        if rest or columns > width:
            continue
        # Strides s with floor(height / s) = rows lie in (height / (rows + 1), height / rows], and so on.
        down = (max(height / (rows + 1), width / (columns + 1)), min(height / rows, width / columns))
        up = (
            max(height / rows, width / columns),
            min(height / (rows - 1) if rows > 1 else inf, width / (columns - 1) if columns > 1 else inf),
        )
        if whole and (floor(down[1]) > down[0] or ceil(up[0]) < up[1]):
            return rows, columns
        if not whole and (down[0] < down[1] or up[0] < up[1]):
            return rows, columns
    return None
