"""From captures to one map: evidence, reduction, fusion and verdict."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

from camctl.engine.maps import fuse, fuse_raw, reduce, restore, unit
from camctl.engine.verdict import OK, Verdict, combine, judge, placement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from camctl.plugin import Aggregate, Capture, Method


@dataclass(frozen=True)
class Drawn:
    """One map, still on the device: `values` (h, w) 0..1, `raw` (grid) signed, one `raw` per layer."""

    values: Tensor
    raw: Tensor
    raw_by_layer: tuple[Tensor, ...]
    verdict: Verdict
    milliseconds: float
    method: Method
    """The method that drew it, which `auto` may stand for."""


def draw(
    captures: Sequence[Capture],
    method: Method,
    reached: Sequence[bool | None],
    *,
    aggregate: Aggregate,
    eigen_smooth: bool = False,
    options: Mapping[str, Any] | None = None,
    evidence: dict[str, Tensor] | None = None,
) -> Drawn:
    """Draw the map of one method for one question, fused over the layers of `captures`, of one view or of six.

    `reached`: for each layer, whether the score's gradient reaches its grid. `evidence`: the method's evidence by
    layer, read and filled; shared by several maps of the same captures.
    """
    start = perf_counter()
    reduction = "principal" if eigen_smooth and method.reduction == "sum" else method.reduction
    evidence = {} if evidence is None else evidence
    own = {key: value for key, value in (options or {}).items() if key in method.options}
    raws, verdicts = [], []
    for capture, reaches in zip(captures, reached, strict=True):
        with torch.no_grad():
            if capture.layer not in evidence:
                evidence[capture.layer] = method.compute(capture, **own).float()
            part = evidence[capture.layer]
            raw = reduce(part, reduction, of_class=method.discriminative)
            magnitude = (part.abs().sum(1) if part.ndim == 4 else part.abs()).max()  # noqa: PLR2004
        gradient_reaches = reaches if "gradients" in method.needs else None
        verdicts.append(
            _own_fault(method, capture, raw) or judge(capture.layer, raw, magnitude, gradient_reaches=gradient_reaches)
        )
        raws.append(raw)
    size = (captures[0].inputs.shape[-2], captures[0].inputs.shape[-1])
    with torch.no_grad():
        values = fuse(raws, size, aggregate)
        if captures[0].inputs.shape[0] > 1:
            values = unit(restore(values).mean(0, keepdim=True))
            raws = [restore(raw).mean(0, keepdim=True) for raw in raws]
        raw = fuse_raw(raws, aggregate)
    verdict = _verdict(combine(verdicts, product=aggregate == "product"), captures, values)
    if verdict.blank:
        values = torch.zeros_like(values)
    elif method.needs:  # a map of the picture alone says nothing about the layer
        verdict = placement(", ".join(capture.layer for capture in captures), raw[0])
    return Drawn(values[0], raw[0], tuple(layer[0] for layer in raws), verdict, (perf_counter() - start) * 1e3, method)


def _verdict(verdict: Verdict, captures: Sequence[Capture], values: Tensor) -> Verdict:
    """Return the verdict on a fusion, given the one on its layers."""
    if verdict.name != "not-finite" and not _sound_scores(captures[0]):
        return Verdict("not-finite", "The model's scores hold NaN or infinite values; a weight may hold them.")
    if verdict is OK and not bool(values.any()):
        return Verdict("flat", "The layers' maps do not overlap, so their fusion is zero everywhere.")
    return verdict


def _sound_scores(capture: Capture) -> bool:
    """Return whether the scores are numbers: a NaN after the target layer leaves no trace in the map itself.

    Minus infinity may rule out a class that is not explained.
    """
    explained = capture.logits.gather(1, capture.targets[:, None])
    return bool(torch.isfinite(explained).all()) and not bool(torch.isnan(capture.logits).any())


def _own_fault(method: Method, capture: Capture, raw: Tensor) -> Verdict | None:
    """Return the verdict on a method that computes NaN or infinity from finite values."""
    inputs = (capture.activations, capture.gradients)
    if torch.isfinite(raw).all() or not all(bool(torch.isfinite(part).all()) for part in inputs):
        return None
    reason = f"The method {method.name} made NaN or infinity out of finite values at '{capture.layer}'."
    return Verdict("not-finite", reason, by_method=True)
