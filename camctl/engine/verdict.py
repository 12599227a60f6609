"""What a map is worth: told before any stretching makes noise look like a finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from camctl.results import VerdictName

NOISE = 1e-5
"""Contrast that float32 sums of the evidence leave behind by rounding alone."""


@dataclass(frozen=True)
class Verdict:
    """One word, and the reason in one line (empty for `ok`)."""

    name: VerdictName
    reason: str = ""
    by_method: bool = False
    """Whether the method is to blame, and neither the model nor the picture."""


OK = Verdict("ok")


def judge(layer: str, raw: Tensor, magnitude: Tensor, *, gradient_reaches: bool | None) -> Verdict:
    """The verdict on one layer's signed maps (N, h, w).

    Parameters
    ----------
    magnitude: (), the largest sum over channels of the evidence's absolute values: what `raw` was summed from.
    gradient_reaches: whether the class score's gradient reaches the layer's places; None where no
        gradient was asked for.
    """
    if not torch.isfinite(raw).all():
        return Verdict("not-finite", f"NaN or infinite values reach '{layer}'; the weights or the input may hold them.")
    if raw.shape[1:] == (1, 1):
        return Verdict("single-cell", f"'{layer}' has one cell for the whole picture: its places were pooled away.")
    if gradient_reaches is False:
        return Verdict("zero-gradient", f"The class score does not depend on the places of '{layer}'.")
    contrast = raw.amax((1, 2)) - raw.amin((1, 2))
    if bool((contrast <= NOISE * magnitude).all()):
        return Verdict("flat", f"The map at '{layer}' has no contrast beyond rounding.")
    if bool((raw <= 0).all()):
        reason = f"All evidence at '{layer}' speaks against the class; nothing is left after ReLU."
        return Verdict("negative-only", reason)
    return OK


def combine(verdicts: Sequence[Verdict], *, product: bool) -> Verdict:
    """The verdict on a fusion of layers: worthless when every layer is, or one that the fusion hangs on."""
    bad = [verdict for verdict in verdicts if verdict is not OK]
    if not bad:
        return OK
    for verdict in bad:
        if verdict.name == "not-finite":
            return verdict
    return bad[0] if product or len(bad) == len(verdicts) else OK
