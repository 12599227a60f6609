"""From captures to maps: evidence and reduction on the device, then fusion and verdicts on the host.

The signed maps of a batch come to the host in one copy, at the layers' own grids; what is decided about them is decided
there, for all pictures at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from camctl.engine.maps import fuse, fuse_raw, overlap, reduce, restore, unit
from camctl.engine.stopwatch import Stopwatch
from camctl.engine.verdict import (
    NO_GRAPH,
    OK,
    Verdict,
    both_signs,
    combine,
    judge,
    judge_fusion,
    negative_share,
    placement,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from camctl.plugin import Aggregate, Capture, Method


@dataclass(frozen=True, eq=False)
class Drawn:
    """One map of one picture, on the host."""

    parts: tuple[Tensor, ...]
    """For each layer its signed map of each view (views, rows, columns), mirrored as the view is."""
    raw: Tensor
    """The signed map, of one view or the mean of six, fused over the layers at the finest one's grid."""
    size: tuple[int, int]
    """Height and width of the model's input in pixels."""
    aggregate: Aggregate
    verdict: Verdict
    milliseconds: float
    method: Method
    """The method that drew it, which `auto` may stand for."""

    @cached_property
    def values(self) -> Tensor:
        """The map at the input's size, 0..1; zeros if it shows nothing."""
        if self.verdict.blank:
            return torch.zeros(self.size)
        values = fuse(self.parts, self.size, self.aggregate)
        return values[0] if len(values) == 1 else unit(restore(values[None]).mean(1))[0]

    @property
    def raw_by_layer(self) -> tuple[Tensor, ...]:
        """The signed map of each layer at its own grid."""
        return tuple(restore(part[None]).mean(1)[0] for part in self.parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Maps:
    """The maps of one method for all pictures of a batch, one question each, as the device has made them."""

    method: Method
    captures: Sequence[Capture]
    """One for each layer."""
    aggregate: Aggregate
    raws: Sequence[Tensor]
    """For each layer the signed maps (N, rows, columns)."""
    magnitudes: Sequence[Tensor]
    """For each layer the largest sum over channels of the absolute evidence, (N,)."""
    reached: Sequence[Tensor]
    """For each layer whether the score's gradient reaches its grid, (N,); none without gradients."""
    negative: Sequence[Tensor]
    """For each layer the share of its activations that is negative, if that is warned about, (N,)."""
    overlaps: Tensor | None
    """Whether the product of several layers is more than zero somewhere, (N,)."""
    has_graph: bool
    """Whether the answers lead back to a target layer."""
    watch: Stopwatch


def draw(  # noqa: PLR0913
    captures: Sequence[Capture],
    method: Method,
    reached: Sequence[Tensor] = (),
    *,
    aggregate: Aggregate,
    eigen_smooth: bool = False,
    options: Mapping[str, Any] | None = None,
    evidence: dict[str, Tensor] | None = None,
    warn: Sequence[bool] = (),
    has_graph: bool = True,
) -> Maps:
    """Draw the maps of one method for a batch, one for each picture; nothing is copied to the host.

    Parameters
    ----------
    captures
        One for each layer, of one view or of six.
    reached
        For each layer whether the score's gradient reaches its grid, (N,); empty without gradients.
    evidence
        The method's evidence by layer, read and filled; shared by several maps of the same captures.
    warn
        For each layer whether to look for activations of both signs.
    has_graph
        Whether the answers lead back to a target layer.
    """
    watch = Stopwatch(captures[0].inputs.device)
    reduction = "principal" if eigen_smooth and method.reduction == "sum" else method.reduction
    evidence = {} if evidence is None else evidence
    own = {key: value for key, value in (options or {}).items() if key in method.options}
    raws, magnitudes = [], []
    with watch.timed(), torch.no_grad():
        for capture in captures:
            if capture.layer not in evidence:
                evidence[capture.layer] = method.compute(capture, **own).float()
            part = evidence[capture.layer]
            raws.append(reduce(part, reduction, of_class=method.discriminative))
            magnitudes.append((part.abs().sum(1) if part.ndim == 4 else part.abs()).flatten(1).amax(1))  # noqa: PLR2004
        size = (captures[0].inputs.shape[-2], captures[0].inputs.shape[-1])
        return Maps(
            method=method,
            captures=captures,
            aggregate=aggregate,
            raws=raws,
            magnitudes=magnitudes,
            reached=reached if "gradients" in method.needs else (),
            negative=[
                negative_share(capture.activations) if wanted else torch.zeros_like(magnitude)
                for capture, wanted, magnitude in zip(captures, warn, magnitudes, strict=True)
            ]
            if any(warn)
            else (),
            overlaps=overlap(raws, size) if aggregate == "product" and len(raws) > 1 else None,
            has_graph=has_graph,
            watch=watch,
        )


def fetch(batches: Sequence[Maps]) -> list[list[Drawn]]:
    """Bring maps to the host in one copy, and return each batch's maps by picture, with their verdicts."""
    hosts = iter(_on_host([tensor for maps in batches for tensor in _tensors(maps)]))
    return [_drawn(maps, [next(hosts) for _ in _tensors(maps)]) for maps in batches]


def _tensors(maps: Maps) -> list[Tensor]:
    overlaps = [] if maps.overlaps is None else [maps.overlaps]
    scores = _sound_scores(maps.captures[0])
    return [*maps.raws, *maps.magnitudes, *maps.reached, *maps.negative, *overlaps, scores]


def _on_host(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Copy tensors of one device to the host at once."""
    if not tensors or tensors[0].device.type == "cpu":
        return list(tensors)
    joined = torch.cat([tensor.float().flatten() for tensor in tensors]).cpu()
    parts = joined.split([tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape).to(tensor.dtype) for part, tensor in zip(parts, tensors, strict=True)]


def _drawn(maps: Maps, hosts: Sequence[Tensor]) -> list[Drawn]:
    """Return the maps of a batch by picture; `hosts` are its tensors on the host."""
    captures, views = maps.captures, maps.captures[0].views
    left = iter([host.unflatten(0, (-1, views)) for host in hosts])
    raws, magnitudes, reached, negative = (
        [next(left) for _ in part] for part in (maps.raws, maps.magnitudes, maps.reached, maps.negative)
    )
    overlaps = None if maps.overlaps is None else next(left).any(1).tolist()
    sound = next(left).all(1).tolist()
    by_layer = [
        _judged(maps.method, capture, raw, magnitude, reached[i] if reached else None)
        for i, (capture, raw, magnitude) in enumerate(zip(captures, raws, magnitudes, strict=True))
    ]
    fused = fuse_raw([restore(raw).mean(1) for raw in raws], maps.aggregate)
    # A map of the picture alone says nothing about the layer.
    placed = placement(", ".join(capture.layer for capture in captures), fused) if maps.method.needs else None
    size = (captures[0].inputs.shape[-2], captures[0].inputs.shape[-1])
    milliseconds = maps.watch.milliseconds / len(sound)
    drawn = []
    for b, scores in enumerate(sound):
        verdict = combine([found[b] for found in by_layer], product=maps.aggregate == "product")
        verdict = judge_fusion(verdict, sound_scores=scores, overlaps=overlaps is None or overlaps[b])
        if verdict.name == "zero-gradient" and not maps.has_graph:
            verdict = NO_GRAPH
        if placed and not verdict.blank:
            verdict = placed[b]
        if verdict is OK and negative:
            shares = zip(captures, negative, strict=True)
            warnings = (both_signs(capture.layer, float(share[b].mean())) for capture, share in shares)
            verdict = next((warning for warning in warnings if warning is not OK), OK)
        parts = tuple(raw[b] for raw in raws)
        drawn.append(Drawn(parts, fused[b], size, maps.aggregate, verdict, milliseconds, maps.method))
    return drawn


def _judged(
    method: Method, capture: Capture, raws: Tensor, magnitudes: Tensor, reached: Tensor | None
) -> list[Verdict]:
    """Judge one layer's maps; a method that makes NaN or infinity of finite values is told apart."""
    verdicts = judge(capture.layer, raws, magnitudes, reached)
    for b, verdict in enumerate(verdicts):
        rows = slice(b * capture.views, (b + 1) * capture.views)
        given = (capture.activations[rows], capture.gradients[rows])
        if verdict.name == "not-finite" and all(bool(torch.isfinite(part).all()) for part in given):
            reason = f"The method {method.name} made NaN or infinity out of finite values at '{capture.layer}'."
            verdicts[b] = Verdict("not-finite", reason, by_method=True)
    return verdicts


def _sound_scores(capture: Capture) -> Tensor:
    """Return whether the scores are numbers, (N,): a NaN after the target layer leaves no trace in the map itself.

    Minus infinity may rule out a class that is not explained.
    """
    explained = capture.logits.gather(1, capture.targets[:, None])
    return torch.isfinite(explained[:, 0]) & ~torch.isnan(capture.logits).any(1)
