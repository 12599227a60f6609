"""Whether a map points away from its class: the effect on the score of hiding its brighter or its darker half."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import avg_pool2d, interpolate

from camctl.engine.maps import resize
from camctl.engine.verdict import OK, Verdict

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.plugin import ScoreKind

PATCHES = 6
"""Number of blurred patches per side of the whole picture: hidden parts show colours but no shapes."""

LEAST_LOSS = 0.5
"""Least loss of the class's lead when the darker half is hidden: below it the picture itself hardly matters."""

CLEARLY = 0.75
"""Share of that loss below which the loss of the brighter half is clearly smaller."""


def hidden(inputs: Tensor, raw: Tensor) -> Tensor:
    """Return the input without the brighter half of a map, and without the darker half.

    Halves are hidden because a smaller part of a large object is not missed, and blurred because some networks take
    grey for an object. Both were measured. Inputs (1, 3, h, w) become (2, 3, h, w). The signed map (rows, columns)
    has an order where the drawn map is 0; cells with equal values are ordered by the light around them.
    """
    size = (inputs.shape[-2], inputs.shape[-1])
    values = resize(raw[None].float().to(inputs.device), size)
    reach = min(size) // 2
    around = values.clamp_min(0)
    for _ in range(2):  # so that light reaches over the whole picture
        for down, across in ((reach, 0), (0, reach)):  # rows and columns in turn: a square window costs a hundredfold
            around = avg_pool2d(around, (2 * down + 1, 2 * across + 1), stride=1, padding=(down, across))
    order = around.flatten().argsort(descending=True, stable=True)
    order = order[values.flatten()[order].argsort(descending=True, stable=True)]
    brighter = torch.zeros(order.numel(), dtype=torch.bool, device=inputs.device)
    brighter[order[: order.numel() // 2]] = True
    small = interpolate(inputs.float(), size=(PATCHES, PATCHES), mode="area")
    blurred = interpolate(small, size=size, mode="bilinear", align_corners=False).to(inputs.dtype)
    return torch.where(torch.stack([brighter, ~brighter]).view(2, 1, *size), blurred, inputs)


def lead(logits: Tensor, column: int, kind: ScoreKind) -> Tensor:
    """Return by how much a class leads the mean of all answers (N, K), or its answer if classes stand alone: (N,).

    It changes even if a probability is saturated, and near synonyms, which share the class's probability, do not
    matter. An answer of minus infinity is left out.
    """
    logits = logits.float()
    own = logits[:, column]
    return own if kind != "softmax" else own - logits.where(logits.isfinite(), torch.nan).nanmean(1)


def judge_inversion(leads: Tensor) -> Verdict:
    """Return `inverted` if the class loses clearly less without the map's brighter half than without its darker half.

    `leads` (3,) are those in the whole picture, without the brighter half, and without the darker half.
    """
    whole, *halves = leads.tolist()
    brighter, darker = (whole - half for half in halves)
    if not (darker > LEAST_LOSS and brighter < CLEARLY * darker):
        return OK
    brighter_half = f"{brighter:.1f}" if brighter >= 0 else f"gains it {-brighter:.1f}"
    reason = (
        "The map points away from its class: hiding the map's darker half costs the class "
        f"{darker:.1f}, hiding the brighter half {brighter_half} (logits)."
    )
    return Verdict("inverted", reason)
