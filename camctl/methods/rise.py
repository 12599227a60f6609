"""RISE: random masks, weighted by the score of what they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.plugin import Capture, Cost, Evidence, method

if TYPE_CHECKING:
    from torch import Tensor


@method(
    name="RISE",
    summary="Averages random masks, weighted by the score of the picture behind each; needs no layer.",
    paper="Petsiuk et al., 2018, arXiv:1806.07421",
    formula="1 / (N p) sum_i (y_i - mean y) M_i,  y_i = score of I M_i, M_i random cells, enlarged and shifted",
    needs={"rescoring"},
    cost=Cost(text="1000 forwards (masks)"),
    reduction="none",
    signed=False,  # it reads no activations
    remarks=(
        (
            "Slow and wide: on demo:resnet .71 of its light lies on the asked object after 1001 passes, GradCAM's .93 "
            "after one (30 questions; both point at the object in all of them; on demo:vit in 1.00 and .93)."
        ),
    ),
)
def rise(
    capture: Capture,
    *,
    masks: int = 1000,
    cells: int = 7,
    probability: float = 0.5,
    seed: int = 0,
    batch_size: int = 32,
) -> Evidence:
    """Signed maps (N, h, w) at the input's size.

    A covered pixel gets the mean colour: zero in the normalised input. The paper's sum lacks `- mean y`, which changes
    the map by nearly the same number everywhere, and less the more masks there are: without it no pixel could be
    against the class. The score is the probability as in the paper, or the value that is asked for.
    `masks`: their number; the paper takes 4000 to 8000. `cells`: cells a side, before they are enlarged. `probability`:
    that a cell is left. `batch_size`: masks in one batch.
    """
    import torch

    _check(masks, cells, probability, seed, batch_size)
    inputs, rows = capture.inputs, len(capture.inputs)
    size = (inputs.shape[-2], inputs.shape[-1])
    weighted = torch.zeros(rows, *size, device=inputs.device)
    covered, total = weighted[0].clone(), torch.zeros(rows, 1, 1, device=inputs.device)
    grids, shifts = drawn_cells(size, masks, cells, probability, seed)
    for start in range(0, masks, batch_size):
        part = slice(start, start + batch_size)
        left = enlarged(grids[part], shifts[part], size).to(inputs.device)
        covered += left.sum(0)
        for row in range(rows):
            scores = _scores(capture, row, (inputs[row].float() * left[:, None]).to(inputs.dtype))
            weighted[row] += (scores[:, None, None] * left).sum(0)
            total[row] += scores.sum()
    return (weighted - total / masks * covered) / (masks * probability)


def _scores(capture: Capture, row: int, inputs: Tensor) -> Tensor:
    """Return the scores (M,) of inputs (M, 3, h, w) for a row's question."""
    question = capture.questions[row]
    answers = capture.forward(inputs, row=row).float()
    if question.score == "value":
        scores = answers
    else:
        scores = answers.softmax(1) if question.score == "softmax" else answers.sigmoid()
    return scores[:, question.column].to(capture.inputs.device)


def drawn_cells(
    size: tuple[int, int], masks: int, cells: int, probability: float, seed: int
) -> tuple[Tensor, list[tuple[int, int]]]:
    """Draw the cells (masks, cells, cells) that are left, 0 or 1, and each mask's shift in pixels, (down, right)."""
    import numpy as np
    import torch

    random = np.random.RandomState(seed)  # numpy promises never to change its stream
    grids = torch.from_numpy((random.random_sample((masks, cells, cells)) < probability).astype(np.float32))
    steps = [-(-side // cells) for side in size]
    down, right = (random.randint(0, step, masks).tolist() for step in steps)
    return grids, list(zip(down, right, strict=True))


def enlarged(grids: Tensor, shifts: list[tuple[int, int]], size: tuple[int, int]) -> Tensor:
    """Enlarge cells (M, cells, cells) to masks (M, h, w), 0..1: one cell larger than the picture, then shifted."""
    import torch
    from torch.nn.functional import interpolate

    height, width = size
    cells = grids.shape[-1]
    whole = (-(-height // cells) * (cells + 1), -(-width // cells) * (cells + 1))
    large = interpolate(grids[:, None], size=whole, mode="bilinear", align_corners=False)[:, 0]
    return torch.stack([mask[y : y + height, x : x + width] for mask, (y, x) in zip(large, shifts, strict=True)])


def _check(masks: int, cells: int, probability: float, seed: int, batch_size: int) -> None:
    """Raise `InputError` for options that make no masks."""
    for name, number, least in (
        ("masks", masks, 2),
        ("cells", cells, 1),
        ("seed", seed, 0),
        ("batch_size", batch_size, 1),
    ):
        if not least <= number < 2**32:
            raise InputError(f"{name} must be {least} or more, not {number}.", hint=f"Omit {name} for its default.")
    if not 0 < probability < 1:
        message = f"probability must be between 0 and 1, not {probability}."
        raise InputError(message, hint="Omit probability for its default.")
