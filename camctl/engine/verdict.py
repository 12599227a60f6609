"""What a map is worth: told before any stretching makes noise look like a finding, and by where its light lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import adaptive_avg_pool2d

from camctl.engine.fusion import unit
from camctl.values.cam import BLANK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from camctl.plugin import Capture
    from camctl.values.cam import VerdictName

NOISE = 1e-5
"""Contrast that float32 sums of the evidence leave behind by rounding alone."""

LEAST_SIDE = 3
"""Cells a side from which on a grid has an inside."""

FRAMED = 1.5
"""Light in the outermost ring of cells, over the map's mean, from which on padding may have made it."""

EACH_SIDE = 0.5
"""Light on the darkest of the four sides, over the map's mean: no object makes a frame."""

THIN, STEP, LONG = 20, 1.5, 0.15
"""On a grid of `THIN` cells a side and more the ring is thinner than an object. There the light is padding's where the
ring is `STEP` times as bright as the ring inside it, over at least this share of its cells."""

COARSE = 7
"""Cells a side at which light is looked for all over the picture."""

QUARTER, SPREAD = 0.25, 0.3
"""The brightest quarter of a picture that is evenly lit has a quarter of the light; a map with less than `SPREAD` in it
points nowhere."""

CELLS, OUTLIER = 100, 0.75
"""A cell of a grid of `CELLS` and more is small; one with this share of the light is hardly an object."""


NEGATIVE = 0.05
"""Share of negative values in the sum of absolute activations from which on a layer has both signs."""


@dataclass(frozen=True)
class Verdict:
    """One word, and the reason in one line (empty for `ok`)."""

    name: VerdictName
    reason: str = ""
    by_method: bool = False
    """Whether the method is to blame, and neither the model nor the picture."""

    @property
    def blank(self) -> bool:
        """Whether the map shows nothing, so that there is nothing to draw or to measure."""
        return self.name in BLANK


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


def placement(layer: str, raw: Tensor) -> Verdict:
    """The verdict by where the light of one signed map (rows, columns) lies: `border`, `diffuse` or `ok`.

    An `ok` with a reason is a warning: nearly all the light is in one cell of many. Nothing but the map is looked at.
    """
    lit = unit(raw[None].float().clamp_min(0))[0]
    total = lit.sum()
    if min(lit.shape) < LEAST_SIDE or not total > 0:
        return OK
    if (framed := _framed(lit)) >= FRAMED:
        reason = f"The light lies along the border at '{layer}', where padding makes it: {framed:.1f} times the mean."
        return Verdict("border", reason)
    coarse = adaptive_avg_pool2d(lit[None], (min(lit.shape[0], COARSE), min(lit.shape[1], COARSE))).flatten()
    brightest = coarse.topk(max(1, round(QUARTER * coarse.numel()))).values.sum() / coarse.sum()
    if brightest < SPREAD:
        reason = f"The light is all over the map at '{layer}': its brightest quarter has {brightest:.0%} of it."
        return Verdict("diffuse", reason)
    if lit.numel() >= CELLS and lit.max() >= OUTLIER * total:
        row, column = divmod(int(lit.argmax()), lit.shape[1])
        reason = (
            f"{lit.max() / total:.0%} of the light at '{layer}' is in one cell of {lit.numel()} (row {row + 1}, column "
            f"{column + 1}): it may be an outlier, and no object."
        )
        return Verdict("ok", reason)
    return OK


def both_signs(capture: Capture) -> Verdict:
    """`ok`, with a warning for methods of one sign where a layer's activations have both."""
    activations = capture.activations
    share = float(-activations.clamp(max=0).sum() / activations.abs().sum().clamp_min(torch.finfo().tiny))
    if share <= NEGATIVE:
        return OK
    reason = (
        f"It needs activations of one sign, and {share:.0%} of those of '{capture.layer}' by size are negative. "
        "For a layer that fits leave out --target-layers."
    )
    return Verdict("ok", reason)


def _framed(lit: Tensor) -> float:
    """Light in the outermost ring of cells over the map's mean; 0 where an object at the border may have made it."""
    inside = torch.zeros_like(lit, dtype=torch.bool)
    inside[1:-1, 1:-1] = True
    ring, mean = lit[~inside], lit.mean()
    sides = torch.stack([lit[0].mean(), lit[-1].mean(), lit[:, 0].mean(), lit[:, -1].mean()])
    frame = bool(sides.min() >= EACH_SIDE * mean)
    if not frame and min(lit.shape) >= THIN:
        inside[2:-2, 2:-2] = False
        length = ring.sum().square() / ring.square().sum().clamp_min(torch.finfo(ring.dtype).tiny) / ring.numel()
        frame = bool(ring.mean() >= STEP * lit[inside].mean() and length >= LONG)
    return float(ring.mean() / mean) if frame else 0.0


def combine(verdicts: Sequence[Verdict], *, product: bool) -> Verdict:
    """The verdict on a fusion of layers: worthless when every layer is, or one that the fusion hangs on."""
    bad = [verdict for verdict in verdicts if verdict is not OK]
    if not bad:
        return OK
    for verdict in bad:
        if verdict.name == "not-finite":
            return verdict
    return bad[0] if product or len(bad) == len(verdicts) else OK
