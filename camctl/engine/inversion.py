"""Whether a map points away from its class: what hiding its brighter half does to the score, and its darker half."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch.nn.functional import avg_pool2d, interpolate

from camctl.engine.fusion import resize
from camctl.engine.verdict import OK, Verdict

if TYPE_CHECKING:
    from torch import Tensor

PATCHES = 6
"""How many blurred patches a side the whole picture has: what is hidden shows colours, and no shapes."""

LEAST_LOSS = 0.5
"""What hiding the darker half must take from the class's lead: below it the picture itself hardly matters."""

CLEARLY = 0.75
"""Share of that loss up to which hiding the brighter half is clearly the smaller loss."""


def hidden(inputs: Tensor, raw: Tensor) -> Tensor:
    """The input without the brighter half of a map, and without the darker half.

    Halves, since a smaller part of a large object is not missed; blurred, since grey is an object of its own to some
    networks. Both was measured.

    Parameters
    ----------
    inputs
        (1, 3, h, w).
    raw
        The signed map (rows, columns): it has an order where the map drawn is 0. Places that are equal in it are put in
        the order of the light around them.

    Returns
    -------
    Tensor
        (2, 3, h, w): the brighter half is hidden in the first, the darker half in the second.
    """
    size = (inputs.shape[-2], inputs.shape[-1])
    values = resize(raw[None].float().to(inputs.device), size)
    reach = min(size) // 2
    around = values.clamp_min(0)
    for _ in range(2):  # so that light is felt over the whole picture
        around = avg_pool2d(around, 2 * reach + 1, stride=1, padding=reach)
    order = around.flatten().argsort(descending=True, stable=True)
    order = order[values.flatten()[order].argsort(descending=True, stable=True)]
    brighter = torch.zeros(order.numel(), dtype=torch.bool, device=inputs.device)
    brighter[order[: order.numel() // 2]] = True
    small = interpolate(inputs.float(), size=(PATCHES, PATCHES), mode="area")
    blurred = interpolate(small, size=size, mode="bilinear", align_corners=False).to(inputs.dtype)
    return torch.where(torch.stack([brighter, ~brighter]).view(2, 1, *size), blurred, inputs)


def lead(logits: Tensor, column: int, kind: Literal["softmax", "sigmoid"]) -> Tensor:
    """Logits (N, classes) -> (N,): by how much a class leads the mean of all classes, or its logit under a sigmoid.

    It moves where a probability is saturated, and a class's near synonyms, which take from its probability, do not
    matter. A class that is ruled out by minus infinity counts for nothing.
    """
    logits = logits.float()
    own = logits[:, column]
    return own if kind == "sigmoid" else own - logits.where(logits.isfinite(), torch.nan).nanmean(1)


def judge_inversion(leads: Tensor) -> Verdict:
    """`inverted` where the class loses clearly less without the map's brighter half than without its darker half.

    Parameters
    ----------
    leads
        (3,): the class's lead in the whole picture, without the brighter half, and without the darker half.
    """
    whole, *halves = leads.tolist()
    brighter, darker = (whole - half for half in halves)
    if not (darker > LEAST_LOSS and brighter < CLEARLY * darker):
        return OK
    reason = (
        "The map points away from its class: hiding the map's darker half costs the class "
        f"{darker:.1f}, hiding the brighter half {brighter:.1f} (logits)."
    )
    return Verdict("inverted", reason)
