"""The verdict on a map: decided before stretching makes noise look like a finding, and by where its light lies.

`advice` is the next step to try if a map is worthless.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import adaptive_avg_pool2d

from camctl.engine.maps import unit
from camctl.errors import Hint
from camctl.values.cam import BLANK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from torch import Tensor

    from camctl.plugin import Method
    from camctl.values.cam import VerdictName
    from camctl.values.layer_map import LayerMap

NOISE = 1e-5
"""Contrast that rounding alone leaves in float32 sums of the evidence."""

LEAST_SIDE = 3
"""Smallest number of cells per side for which a grid has an inside."""

FRAMED = 1.5
"""Mean light of the outermost ring of cells over the map's mean at which padding may have caused it."""

EACH_SIDE = 0.5
"""Least mean light of each of the four sides over the map's mean for a frame, which no object causes."""

THIN, STEP, LONG = 20, 1.5, 0.15
"""On a grid of at least `THIN` cells per side the ring is thinner than an object. There the light is padding's if the
ring is `STEP` times as bright as the ring inside it, over at least a share `LONG` of its cells."""

COARSE = 7
"""Number of cells per side of the coarse grid on which the spread of light is measured."""

QUARTER, SPREAD = 0.25, 0.3
"""The brightest quarter of an evenly lit picture has a quarter of the light; a map with less than `SPREAD` there points
nowhere."""

CELLS, OUTLIER = 100, 0.75
"""On a grid of at least `CELLS` cells, one cell with a share `OUTLIER` of the light is hardly an object."""

GUESS = "Preprocessing is a guess"
"""Beginning of a model's note on a preprocessing that nobody has stated."""

NEGATIVE = 0.05
"""Share of negative values in the sum of absolute activations above which a layer has both signs."""


@dataclass(frozen=True)
class Verdict:
    """A verdict, and its reason in one line (empty for `ok`)."""

    name: VerdictName
    reason: str = ""
    by_method: bool = False
    """Whether the method is at fault rather than the model or the picture."""

    @property
    def blank(self) -> bool:
        """Whether the map shows nothing, so that it is neither drawn nor measured."""
        return self.name in BLANK


OK = Verdict("ok")

NO_GRAPH = Verdict(
    "no-graph",
    "No gradient leads from the class score back into the model: its forward pass detaches its features, turns them "
    "into NumPy, or recomputes its layers (reentrant checkpointing).",
)
"""The verdict on the maps of a model whose logits have no graph."""


def judge(layer: str, raws: Tensor, magnitudes: Tensor, reached: Tensor | None) -> list[Verdict]:
    """Judge one layer's signed maps of each picture, (B, views, h, w).

    `magnitudes` (B, views) are the largest sums over channels of the absolute evidence that `raws` was summed from.
    The score's gradient reaches the grid or not, (B, views); None if no gradient was computed.
    """
    contrasts = raws.amax((2, 3)) - raws.amin((2, 3))
    finite = torch.isfinite(raws).flatten(1).all(1).tolist()
    reaches = [True] * len(raws) if reached is None else reached.any(1).tolist()
    flat = (contrasts <= NOISE * magnitudes.amax(1, keepdim=True)).all(1).tolist()
    negative = (raws <= 0).flatten(1).all(1).tolist()
    single = raws.shape[2:] == (1, 1)
    verdicts = []
    for b in range(len(raws)):
        if not finite[b]:
            reason = f"NaN or infinite values reach '{layer}'; the weights or the input may hold them."
            verdicts.append(Verdict("not-finite", reason))
        elif single:
            reason = f"'{layer}' has one cell for the whole picture: its grid was pooled away."
            verdicts.append(Verdict("single-cell", reason))
        elif not reaches[b]:
            verdicts.append(Verdict("zero-gradient", f"The class score does not depend on the grid of '{layer}'."))
        elif flat[b]:
            verdicts.append(Verdict("flat", f"The map at '{layer}' has no contrast beyond rounding."))
        elif negative[b]:
            reason = f"All evidence at '{layer}' is against the class; nothing is left after ReLU."
            verdicts.append(Verdict("negative-only", reason))
        else:
            verdicts.append(OK)
    return verdicts


def placement(layer: str, raws: Tensor) -> list[Verdict]:
    """Judge by where the light of each signed map of (B, rows, columns) lies: `border`, `diffuse` or `ok`.

    An `ok` with a reason is a warning: nearly all the light is in one cell of many. Only the map is used.
    """
    lit = unit(raws.float().clamp_min(0))
    rows, columns = lit.shape[1:]
    if min(rows, columns) < LEAST_SIDE:
        return [OK] * len(lit)
    coarse = adaptive_avg_pool2d(lit, (min(rows, COARSE), min(columns, COARSE))).flatten(1)
    count = max(1, round(QUARTER * coarse.shape[1]))
    brightest = (coarse.topk(count, 1).values.sum(1) / coarse.sum(1)).tolist()
    totals, framed = lit.sum((1, 2)).tolist(), _framed(lit).tolist()
    peaks, places = (found.tolist() for found in lit.flatten(1).max(1))
    verdicts = []
    for b, total in enumerate(totals):
        if not total > 0:
            verdicts.append(OK)
        elif framed[b] >= FRAMED:
            times = f"{framed[b]:.1f} times the mean"
            reason = f"The light lies along the border at '{layer}', where padding causes it: {times}."
            verdicts.append(Verdict("border", reason))
        elif brightest[b] < SPREAD:
            reason = f"The light is all over the map at '{layer}': its brightest quarter has {brightest[b]:.0%} of it."
            verdicts.append(Verdict("diffuse", reason))
        elif rows * columns >= CELLS and peaks[b] >= OUTLIER * total:
            row, column = divmod(places[b], columns)
            reason = (
                f"{peaks[b] / total:.0%} of the light at '{layer}' is in one cell of {rows * columns} (row {row + 1}, "
                f"column {column + 1}): it may be an outlier rather than an object."
            )
            verdicts.append(Verdict("ok", reason))
        else:
            verdicts.append(OK)
    return verdicts


def negative_share(activations: Tensor) -> Tensor:
    """Return the share of negative values in the sum of absolute activations of each row (N, C, H, W): (N,), 0..1."""
    total = activations.abs().flatten(1).sum(1)
    return -activations.clamp(max=0).flatten(1).sum(1) / total.clamp_min(torch.finfo().tiny)


def both_signs(layer: str, share: float) -> Verdict:
    """Return `ok`, with a warning if a layer's activations have both signs, for methods that need one."""
    if share <= NEGATIVE:
        return OK
    reason = (
        f"It needs activations of one sign, and {share:.0%} of those of '{layer}' by size are negative. "
        "The default layer fits."
    )
    return Verdict("ok", reason)


def _framed(lit: Tensor) -> Tensor:
    """Return the outermost ring's light over each map's mean (B,); 0 if an object at the border may have caused it."""
    inside = torch.zeros(lit.shape[1:], dtype=torch.bool, device=lit.device)
    inside[1:-1, 1:-1] = True
    ring, mean = lit[:, ~inside], lit.mean((1, 2))
    sides = torch.stack([lit[:, 0].mean(1), lit[:, -1].mean(1), lit[:, :, 0].mean(1), lit[:, :, -1].mean(1)], 1)
    frame = sides.amin(1) >= EACH_SIDE * mean
    if min(lit.shape[1:]) >= THIN:
        inside[2:-2, 2:-2] = False
        squares = ring.square().sum(1).clamp_min(torch.finfo(ring.dtype).tiny)
        length = ring.sum(1).square() / squares / ring.shape[1]
        frame |= (ring.mean(1) >= STEP * lit[:, inside].mean(1)) & (length >= LONG)
    return torch.where(frame, ring.mean(1) / mean, 0.0)


def combine(verdicts: Sequence[Verdict], *, product: bool) -> Verdict:
    """Judge a fusion of layers: worthless if every layer is, or for a product if one is."""
    bad = [verdict for verdict in verdicts if verdict is not OK]
    if not bad:
        return OK
    for verdict in bad:
        if verdict.name == "not-finite":
            return verdict
    return bad[0] if product or len(bad) == len(verdicts) else OK


def judge_fusion(verdict: Verdict, *, sound_scores: bool, overlaps: bool) -> Verdict:
    """Return the verdict on a fusion of layers, given the one on its layers."""
    if verdict.name != "not-finite" and not sound_scores:
        return Verdict("not-finite", "The model's scores hold NaN or infinite values; a weight may hold them.")
    if verdict is OK and not overlaps:
        return Verdict("flat", "The layers' maps do not overlap, so their fusion is zero everywhere.")
    return verdict


def advice(  # noqa: PLR0911 - one return per verdict
    verdict: Verdict,
    method: Method,
    layers: Collection[str],
    model: str,
    probe: Callable[[], LayerMap],
    *,
    probed: bool = False,
    notes: Collection[str] = (),
) -> str:
    """Return one line with the next command; empty for `ok`.

    `layers` are the target layers that were used; if they were `probed`, the probe knows no better ones. `notes` are
    the model's: a guess of its preprocessing is the first thing to mend where light lies in the wrong place.
    """
    if verdict.name == "ok":
        return ""
    if verdict.by_method:
        return f"Report this to the author of {method.name}, and use another method."
    if not method.needs:
        return f"{method.name} looks only at the picture and finds nothing in this one. Use another method."
    if verdict.name == "not-finite":
        return "Check the checkpoint: a weight or the picture's preprocessing yields NaN or infinity."
    if verdict.name == "no-graph":
        return Hint("Change its forward pass, or use a method without gradients", method="EigenCAM")
    no_grid = verdict.name in {"zero-gradient", "single-cell"}
    if no_grid or not (probed or verdict.name == "flat"):
        seen = probe()
        usable = {record.name for record in seen.records if record.usable}
        live = next((name for name in seen.default if name in usable), None)
        if live and live not in layers:
            return Hint("Try another layer", target_layers=live)
    if verdict.name == "negative-only":
        return Hint("Try a method that keeps the evidence for the class", method="GradCAMElementWise")
    text = "See the layers that can be used" if no_grid else "Try another method, or another layer out of these"
    if verdict.name in {"border", "diffuse"} and any(note.startswith(GUESS) for note in notes):
        text = f"{GUESS}: set input_size, mean and std on the module first. {text}"
    return Hint(text, "layers", model=model, usable=True)
