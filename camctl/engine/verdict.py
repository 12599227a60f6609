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

    from camctl.plugin import Capture, Method
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


def judge(layer: str, raw: Tensor, magnitude: Tensor, *, gradient_reaches: bool | None) -> Verdict:
    """Judge one layer's signed maps (N, h, w).

    `magnitude` () is the largest sum over channels of the absolute evidence that `raw` was summed from. The score's
    gradient reaches the grid or not; None if no gradient was computed.
    """
    if not torch.isfinite(raw).all():
        return Verdict("not-finite", f"NaN or infinite values reach '{layer}'; the weights or the input may hold them.")
    if raw.shape[1:] == (1, 1):
        return Verdict("single-cell", f"'{layer}' has one cell for the whole picture: its grid was pooled away.")
    if gradient_reaches is False:
        return Verdict("zero-gradient", f"The class score does not depend on the grid of '{layer}'.")
    contrast = raw.amax((1, 2)) - raw.amin((1, 2))
    if bool((contrast <= NOISE * magnitude).all()):
        return Verdict("flat", f"The map at '{layer}' has no contrast beyond rounding.")
    if bool((raw <= 0).all()):
        reason = f"All evidence at '{layer}' is against the class; nothing is left after ReLU."
        return Verdict("negative-only", reason)
    return OK


def placement(layer: str, raw: Tensor) -> Verdict:
    """Judge by where the light of one signed map (rows, columns) lies: `border`, `diffuse` or `ok`.

    An `ok` with a reason is a warning: nearly all the light is in one cell of many. Only the map is used.
    """
    lit = unit(raw[None].float().clamp_min(0))[0]
    total = lit.sum()
    if min(lit.shape) < LEAST_SIDE or not total > 0:
        return OK
    if (framed := _framed(lit)) >= FRAMED:
        reason = f"The light lies along the border at '{layer}', where padding causes it: {framed:.1f} times the mean."
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
            f"{column + 1}): it may be an outlier rather than an object."
        )
        return Verdict("ok", reason)
    return OK


def both_signs(capture: Capture) -> Verdict:
    """Return `ok`, with a warning if a layer's activations have both signs, for methods that need one."""
    activations = capture.activations
    share = float(-activations.clamp(max=0).sum() / activations.abs().sum().clamp_min(torch.finfo().tiny))
    if share <= NEGATIVE:
        return OK
    reason = (
        f"It needs activations of one sign, and {share:.0%} of those of '{capture.layer}' by size are negative. "
        "The default layer fits."
    )
    return Verdict("ok", reason)


def _framed(lit: Tensor) -> float:
    """Return the outermost ring's light over the map's mean; 0 if an object at the border may have caused it."""
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
    """Judge a fusion of layers: worthless if every layer is, or for a product if one is."""
    bad = [verdict for verdict in verdicts if verdict is not OK]
    if not bad:
        return OK
    for verdict in bad:
        if verdict.name == "not-finite":
            return verdict
    return bad[0] if product or len(bad) == len(verdicts) else OK


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
