"""From captures to one map: evidence, reduction, fusion, verdict."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

from camctl.engine.fusion import fuse, fuse_raw, unit
from camctl.engine.reduction import reduce
from camctl.engine.smoothing import restore
from camctl.engine.verdict import OK, Verdict, combine, judge, placement
from camctl.errors import CamctlError, PluginError, one_line, out_of_memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from camctl.plugin import Aggregate, Capture, Method


@dataclass(frozen=True)
class Drawn:
    """One map, still on the device: `values` (h, w) 0..1, `raw` (grid) signed, one `raw` a layer."""

    values: Tensor
    raw: Tensor
    raw_by_layer: tuple[Tensor, ...]
    verdict: Verdict
    milliseconds: float
    method: Method
    """The one that drew it, where `auto` was asked for."""


def draw(
    captures: Sequence[Capture],
    method: Method,
    reached: Sequence[bool | None],
    *,
    aggregate: Aggregate,
    eigen_smooth: bool = False,
    options: Mapping[str, Any] | None = None,
    kept: dict[str, Tensor] | None = None,
) -> Drawn:
    """The map of one method for one target, fused over the layers of `captures`.

    Parameters
    ----------
    captures: one a layer, of one view, or of the six that `smoothing.augment` makes.
    reached: for each layer, whether the class score's gradient reaches its places.
    eigen_smooth: take the first principal component, whatever the method's own reduction.
    kept: the method's evidence by layer, found there or put there; for several maps of the same captures.

    Raises `PluginError` where the method fails or returns another shape.
    """
    start = perf_counter()
    reduction = "principal" if eigen_smooth and method.reduction == "sum" else method.reduction
    raws, verdicts = [], []
    smooth = captures[0].inputs.shape[0] > 1
    for capture, reaches in zip(captures, reached, strict=True):
        with torch.no_grad():
            evidence = None if kept is None else kept.get(capture.layer)
            if evidence is None:
                evidence = _evidence(method, capture, options or {})
            if kept is not None:
                kept[capture.layer] = evidence
            raw = reduce(evidence, reduction, of_class=method.discriminative)
            magnitude = (evidence.abs().sum(1) if evidence.ndim == 4 else evidence.abs()).max()  # noqa: PLR2004
        gradient_reaches = reaches if "gradients" in method.needs else None
        verdicts.append(
            _own_fault(method, capture, raw) or judge(capture.layer, raw, magnitude, gradient_reaches=gradient_reaches)
        )
        raws.append(raw)
    verdict = combine(verdicts, product=aggregate == "product")
    size = (captures[0].inputs.shape[-2], captures[0].inputs.shape[-1])
    with torch.no_grad():
        values = fuse(raws, size, aggregate)
        if smooth:
            values = unit(restore(values).mean(0, keepdim=True))
            raws = [restore(raw).mean(0, keepdim=True) for raw in raws]
        raw = fuse_raw(raws, aggregate)
    if verdict.name != "not-finite" and not _sound_scores(captures[0]):
        verdict = Verdict("not-finite", "The model's scores hold NaN or infinite values; a weight may hold them.")
    if verdict is OK and not bool(values.any()):
        verdict = Verdict("flat", "The layers' maps have no place in common: nothing is left of their fusion.")
    if verdict.blank:
        values = torch.zeros_like(values)
    elif method.needs:  # a map of the picture alone claims nothing of the layer
        verdict = placement(", ".join(capture.layer for capture in captures), raw[0])
    return Drawn(values[0], raw[0], tuple(layer[0] for layer in raws), verdict, (perf_counter() - start) * 1e3, method)


def _sound_scores(capture: Capture) -> bool:
    """Whether the scores are numbers: a NaN after the target layer leaves no trace in the map itself.

    A class may be ruled out by minus infinity, as long as it is not the one explained.
    """
    asked = capture.logits.gather(1, capture.targets[:, None])
    return bool(torch.isfinite(asked).all()) and not bool(torch.isnan(capture.logits).any())


def _own_fault(method: Method, capture: Capture, raw: Tensor) -> Verdict | None:
    """The verdict on a method that makes NaN or infinity out of finite values."""
    given = (capture.activations, capture.gradients)
    if torch.isfinite(raw).all() or not all(bool(torch.isfinite(part).all()) for part in given):
        return None
    reason = f"The method {method.name} made NaN or infinity out of finite values at '{capture.layer}'."
    return Verdict("not-finite", reason, by_method=True)


def _evidence(method: Method, capture: Capture, options: Mapping[str, Any]) -> Tensor:
    own = {key: value for key, value in options.items() if key in method.options}
    try:
        evidence: Tensor = method.compute(capture, **own)
    except Exception as error:
        if isinstance(error, CamctlError) or out_of_memory(error):
            raise
        message = f"The method {method.name} failed at '{capture.layer}': {one_line(error)}"
        raise PluginError(message, hint=f"See what it needs with: camctl methods {method.name}") from error
    return evidence.float()
