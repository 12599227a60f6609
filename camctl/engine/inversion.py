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

MARGIN = 0.5
"""Difference between the two logits that repeated roundings and unimportant halves do not make."""


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
    reach = min(size) // 4
    around = avg_pool2d(values, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
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
    """`inverted` where the class is missed less without the map's brighter half than without its darker half.

    Parameters
    ----------
    leads
        (2,): the class's lead without the brighter half and without the darker half.
    """
    brighter, darker = leads.tolist()
    if not brighter > darker + MARGIN:
        return OK
    reason = (
        "The map points away from its class: the model knows it better without the map's brighter half than without its"
        f" darker half (lead over the mean logit {brighter:.1f} against {darker:.1f})."
    )
    return Verdict("inverted", reason)
