"""Whether a layer's grid has the picture's order: change patches of the picture, and see which cells change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

PATCHES = ((0.12, 0.32), (0.2, 0.76), (0.36, 0.1), (0.42, 0.54), (0.56, 0.88), (0.66, 0.26), (0.84, 0.6), (0.9, 0.12))
"""Centres of the changed patches, as shares of height and width; mirroring or turning maps none onto another."""

ABOVE_CHANCE = 2.0
"""z-score above random patch assignment at which the order counts as confirmed; large fields of view blur it."""

PLAINLY_ABOVE = 3.0
"""z-score that a competing cell order needs before the map's is reported as wrong."""

CLEARLY_BETTER = 1.5
"""How many times better a competing order must fit before the map's is reported as wrong."""

SHARP = 0.6
"""Share of a change within as many cells as the patch covers at which its position is clear."""


def _patch(rows: int, columns: int) -> tuple[float, float]:
    """Return height and width of a changed patch as shares of the picture's: at least a cell."""
    return max(1 / 6, 1 / rows), max(1 / 6, 1 / columns)


def changes(inputs: Tensor, grid_of: Callable[[Tensor], Tensor]) -> Tensor:
    """Return how much each cell changes with each patch of the inputs (1, 3, h, w): (patches, rows, columns).

    `grid_of`: inputs -> the layer's (channels, rows, columns), on the CPU. It receives one picture at a time, since not
    every model takes more.
    """
    plain = grid_of(inputs)
    rows, columns = plain.shape[1:]
    height, width = inputs.shape[-2:]
    tall, wide = (
        max(1, round(share * side)) for share, side in zip(_patch(rows, columns), (height, width), strict=True)
    )
    generator = torch.Generator().manual_seed(0)
    centre, spread = inputs.float().mean().cpu(), inputs.float().std().cpu()
    responses = []
    for y, x in PATCHES:
        top = min(max(round(y * height - tall / 2), 0), height - tall)
        left = min(max(round(x * width - wide / 2), 0), width - wide)
        coarse = torch.randn(1, inputs.shape[1], 6, 6, generator=generator)
        patch = centre + 1.5 * spread * torch.nn.functional.interpolate(coarse, (tall, wide))
        changed = inputs.clone()
        changed[..., top : top + tall, left : left + wide] = patch.to(inputs)
        responses.append((grid_of(changed) - plain).abs().sum(0))
    return torch.stack(responses)


def _expected(rows: int, columns: int) -> Tensor:
    """Return the patches on a grid, one soft spot each: (patches, rows, columns)."""
    tall, wide = _patch(rows, columns)
    spots = torch.tensor(PATCHES)[:, :, None]
    y = (torch.arange(rows) + 0.5) / rows - spots[:, 0]
    x = (torch.arange(columns) + 0.5) / columns - spots[:, 1]
    return torch.exp(-2 * (y / tall) ** 2)[:, :, None] * torch.exp(-2 * (x / wide) ** 2)[:, None, :]


def _other_orders(rows: int, columns: int) -> dict[str, Tensor]:
    """Return what is expected of grids whose cells are in a wrong order."""
    plain, turned = _expected(rows, columns), _expected(columns, rows)
    return {
        "it goes down the columns, and is laid out along the rows": plain.mT.reshape(plain.shape),
        "rows and columns are swapped": turned.mT,
        "it is upside down": plain.flip(1),
        "left and right are swapped": plain.flip(2),
        "it is turned round": plain.flip(1, 2),
    }


def wrong_order(changes: Tensor) -> str:
    """Return what is wrong with the order of the cells; empty if nothing clearly is."""
    rows, columns = changes.shape[1:]
    own, others = _expected(rows, columns), _other_orders(rows, columns)
    best = max(others, key=lambda order: _fit(changes, others[order]))
    if _fit(changes, others[best]) > CLEARLY_BETTER * max(_fit(changes, own), 0) and (
        _above_chance(changes, others[best]) > PLAINLY_ABOVE
    ):
        return best
    lost = _sharp(changes) > SHARP and not in_place(changes)
    return "its cells are in no order that is known" if lost else ""


def in_place(changes: Tensor) -> bool:
    """Return whether changes show at the patches, more than by chance."""
    return _above_chance(changes, _expected(*changes.shape[1:])) > ABOVE_CHANCE


def _fit(changes: Tensor, expected: Tensor) -> float:
    """Return how well changes match the expected ones, -1 to 1."""
    one, other = _distinct(changes), _distinct(expected)
    return float((one * other).sum() / (one.norm() * other.norm()).clamp_min(1e-12))


def _distinct(maps: Tensor) -> Tensor:
    shares = maps.double() / maps.double().sum((1, 2), keepdim=True).clamp_min(1e-300)
    return shares - shares.mean(0)


def _above_chance(changes: Tensor, expected: Tensor) -> float:
    """Return the z-score of the fit above those of patches assigned at random."""
    generator = torch.Generator().manual_seed(0)
    count = len(PATCHES)
    fits = torch.einsum("prc,qrc->pq", _distinct(changes), _distinct(expected))
    orders = torch.stack([torch.randperm(count, generator=generator) for _ in range(500)])
    chance = fits[torch.arange(count), orders].mean(1)
    return float((fits.diagonal().mean() - chance.mean()) / chance.std().clamp_min(1e-300))


def _sharp(changes: Tensor) -> float:
    """Return the share of a change within as many cells as the patch covers."""
    count, rows, columns = changes.shape
    tall, wide = _patch(rows, columns)
    cells = min(rows * columns, (int(tall * rows) + 1) * (int(wide * columns) + 1))
    if 2 * cells > rows * columns:
        return 0.0
    return float((changes.flatten(1).topk(cells).values.sum(1) / changes.flatten(1).sum(1)).sum() / count)
