"""Occlusion: how much the score drops while a square covers a part of the picture."""

from __future__ import annotations

from camctl.errors import InputError
from camctl.plugin import Capture, Cost, Evidence, method

SHARE = 5
"""The window's side is this part of the picture's shorter side by default."""


@method(
    name="Occlusion",
    summary="Covers one part of the picture after another, and draws how far the score drops; needs no layer.",
    paper="Zeiler and Fergus, 2014, arXiv:1311.2901",
    formula="at a pixel, mean of y(I) - y(I without W) over the windows W that cover it",
    needs={"rescoring"},
    cost=Cost(text="about 100 forwards (positions of the window)"),
    reduction="none",
    signed=False,  # it reads no activations
    remarks=(
        (
            "Sees parts of the window's size: on demo:vit it points at the asked object in .80 of 30 questions, RISE "
            "in 1.00, GradCAM in .93; on demo:resnet all three in all."
        ),
    ),
)
def occlusion(capture: Capture, *, window: int = 0, stride: int = 0, batch_size: int = 32) -> Evidence:
    """Signed maps (N, h, w) at the input's size; exact, at the window's size, if the score is linear in the pixels.

    A covered pixel gets the mean colour: zero in the normalised input. The score is the logit, or the value that is
    asked for. `window`: side in pixels, a fifth of the shorter side by default (0). `stride`: step in pixels, half the
    window by default (0); the last window ends at the picture's border. `batch_size`: positions in one batch.
    """
    import torch

    inputs, rows = capture.inputs, len(capture.inputs)
    height, width = inputs.shape[-2:]
    side = window or max(1, round(min(height, width) / SHARE))
    step = stride or max(1, side // 2)
    if batch_size < 1 or not (0 < side <= min(height, width) and 0 < step <= side):
        message = f"A window of {side} pixels and a stride of {step} do not cover a picture of {width} x {height}."
        raise InputError(message, hint="Omit window, stride and batch_size for their defaults.")
    corners = [(y, x) for y in starts(height, side, step) for x in starts(width, side, step)]
    whole = capture.logits.gather(1, capture.targets[:, None])
    drops = torch.zeros(rows, height, width, device=inputs.device)
    counts = torch.zeros(height, width, device=inputs.device)
    for start in range(0, len(corners), batch_size):
        part = corners[start : start + batch_size]
        covers = torch.zeros(len(part), height, width, device=inputs.device, dtype=torch.bool)
        for cover, (y, x) in zip(covers, part, strict=True):
            cover[y : y + side, x : x + side] = True
        counts += covers.sum(0)
        for row in range(rows):
            answers = capture.forward(inputs[row].masked_fill(covers[:, None], 0), row=row).float()
            lost = whole[row] - answers[:, capture.targets[row]]
            drops[row] += (lost.to(inputs.device)[:, None, None] * covers).sum(0)
    return drops / counts


def starts(length: int, side: int, step: int) -> list[int]:
    """Return where windows begin along a side: every `step` pixels, and one that ends at the border."""
    return list(dict.fromkeys([*range(0, length - side, step), length - side]))
