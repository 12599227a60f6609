"""The probe: one forward and one backward pass that show every module's output, grid and gradient."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from camctl.engine.capture import reaches_places, untouched
from camctl.engine.layout import Layout, LayoutHints, find_layout, tensor_in
from camctl.errors import InputError, UnknownNameError
from camctl.results import LayerMap, LayerRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from camctl.results import WhyNot

ADAPTIVE = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d)
NORM_WORDS = re.compile(r"(norm|bn)(?![a-z])|norm\d*d?$", re.IGNORECASE)


def probe(
    module: nn.Module,
    forward: Callable[[Tensor], Tensor],
    inputs: Tensor,
    hints: LayoutHints,
    target: int | None = None,
) -> LayerMap:
    """See every module once: forward, then backward from the score of `target` (the best class by default).

    `inputs` (1, 3, h, w). The model is put back as it was.
    """
    size = (inputs.shape[-2], inputs.shape[-1])
    seen: dict[str, _Sight] = {}
    handles = []
    with untouched(module):
        try:
            for name, part in module.named_modules():
                if name:
                    handles.append(part.register_forward_hook(_watch(name, seen, inputs.shape[0], size, hints)))
            with torch.enable_grad():
                logits = forward(inputs.detach().clone().requires_grad_())
            for handle in handles:
                handle.remove()
            best = int(logits[0].nan_to_num(nan=float("-inf")).argmax()) if target is None else target
            score = logits[:, best].float().sum()
            if score.requires_grad:
                # Gradients are read by hooks on the tensors, so that only their means stay in memory.
                torch.autograd.grad(score, _ends(seen), allow_unused=True)
        finally:
            for handle in handles:
                handle.remove()
            for sight in seen.values():
                sight.release()
    ran = sorted((sight for sight in seen.values()), key=lambda sight: sight.order)
    records = [sight.record(name_order) for name_order, sight in enumerate(ran)]
    never = [_never(name, part) for name, part in module.named_modules() if name and name not in seen]
    everything = (*records, *never)
    return LayerMap(records=everything, default=default_layer(records), chosen_by="probe", input_size=size)


def default_layer(records: Sequence[LayerRecord]) -> tuple[str, ...]:
    """The last usable norm that ran, where the last usable output has its grid and width; else that output."""
    usable = [record for record in records if record.usable]
    if not usable:
        # NaN weights or a head of zeros: the verdict says so, at a layer that has places at least.
        usable = [record for record in records if record.why_not == "zero-gradient"]
    if not usable:
        return ()
    last = usable[-1]
    if last.same_as:
        last = next((record for record in usable if record.name == last.same_as), last)
    norms = [record for record in usable if record.norm]
    if norms and norms[-1].grid == last.grid and norms[-1].channels in _widths_before(last):
        return (norms[-1].name,)
    return (last.name,)


def _widths_before(last: LayerRecord) -> tuple[int | None, ...]:
    """Widths of the norm that the last usable output stands for: its own, or a third of it.

    Where a class token alone is read, the last output with live places is often queries, keys and values in one.
    """
    fused = last.channels is not None and last.layout == "NLC" and last.channels % 3 == 0
    return (last.channels, last.channels // 3) if fused and last.channels is not None else (last.channels,)


def is_norm(part: nn.Module) -> bool:
    """Whether a module is a normalisation layer, by its class or its class's name."""
    known = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm)  # noqa: SLF001
    return isinstance(part, known) or (not list(part.children()) and bool(NORM_WORDS.search(type(part).__name__)))


class _Sight:
    """What was seen of one module so far; filled while the passes run."""

    def __init__(self, name: str, part: nn.Module, order: int) -> None:
        self.name, self.part, self.order, self.calls = name, part, order, 0
        self.tensor: Tensor | None = None
        self.shape: tuple[int, ...] | None = None
        self.same_as = ""
        self.layout: Layout | None = None
        self.gradient: float | None = None
        self.reached = False
        self.foreign_batch = False

    def release(self) -> None:
        """Let go of the graph."""
        self.tensor = None

    def record(self, order: int) -> LayerRecord:
        layout = self.layout
        why_not = self._why_not()
        return LayerRecord(
            name=self.name,
            type=type(self.part).__name__,
            order=order,
            calls=self.calls,
            shape=self.shape,
            layout=layout.name if layout else None,
            grid=layout.grid if layout and layout.name != "NC" else None,
            channels=layout.channels if layout else None,
            extra_tokens=layout.extra_tokens if layout else 0,
            gradient=self.gradient,
            norm=is_norm(self.part),
            same_as=self.same_as,
            usable=not why_not,
            why_not=why_not,
        )

    def _why_not(self) -> WhyNot:
        if self.shape is None:
            return "not-tensor"
        if self.layout is None:
            return "window" if self.foreign_batch else "no-grid"
        if self.layout.name == "NC" or isinstance(self.part, ADAPTIVE):
            return "pooled"
        if self.layout.grid == (1, 1):
            return "single-cell"
        return "" if self.reached else "zero-gradient"


def _watch(
    name: str, seen: dict[str, _Sight], batch: int, size: tuple[int, int], hints: LayoutHints
) -> Callable[[nn.Module, object, object], None]:
    def look(part: nn.Module, _args: object, output: object) -> None:
        sight = seen.setdefault(name, _Sight(name, part, 0))
        sight.calls += 1
        sight.order = 1 + max((other.order for other in seen.values()), default=0)
        sight.gradient, sight.reached = None, False
        tensor = tensor_in(output)
        sight.tensor = tensor
        if tensor is None:
            sight.shape = sight.layout = None
            return
        sight.shape = tuple(tensor.shape)
        sight.foreign_batch = tensor.ndim > 0 and tensor.shape[0] != batch
        sight.layout = find_layout(tensor, size, batch, part, hints)
        inner = [other for other in seen.values() if other is not sight and other.tensor is tensor]
        sight.same_as = min(inner, key=lambda other: other.order).name if inner else ""
        if sight.layout is not None and tensor.requires_grad:
            layout = sight.layout

            def read(gradient: Tensor) -> None:
                sight.reached = reaches_places(gradient, layout)
                sight.gradient = float(layout.to_grid(gradient).abs().mean())

            tensor.register_hook(read)

    return look


def _ends(seen: dict[str, _Sight]) -> list[Tensor]:
    """A tensor that the backward pass must reach: the earliest that is in the graph."""
    for sight in sorted(seen.values(), key=lambda sight: sight.order):
        if sight.tensor is not None and sight.tensor.requires_grad:
            return [sight.tensor]
    return []


def _never(name: str, part: nn.Module) -> LayerRecord:
    return LayerRecord(
        name=name,
        type=type(part).__name__,
        order=-1,
        calls=0,
        shape=None,
        layout=None,
        grid=None,
        channels=None,
        extra_tokens=0,
        gradient=None,
        norm=is_norm(part),
        same_as="",
        usable=False,
        why_not="not-run",
    )


def with_default(layers: LayerMap, default: Sequence[str], chosen_by: str) -> LayerMap:
    """The same map with the default that an adapter names."""
    return replace(layers, default=tuple(default), chosen_by=chosen_by)


def expand(module: nn.Module, wanted: Sequence[str]) -> tuple[str, ...]:
    """Target layers as the user names them -> names of modules, once each, in the order asked for.

    A pattern's `*` and `?` stand for anything but a dot, `**` for anything: `backbone.layer4.*.bn3`.
    Raises `InputError` for a name or pattern that no module has.
    """
    names = [name for name, _ in module.named_modules() if name]
    known = set(names)
    found: dict[str, None] = {}
    for text in wanted:
        if text in known:
            found[text] = None
            continue
        if any(sign in text for sign in "*?"):
            matching = [name for name in names if _pattern(text).fullmatch(name)]
            if not matching:
                message = f"No layer matches '{text}'."
                raise InputError(message, hint="See the names with: camctl layers MODEL")
            found.update(dict.fromkeys(matching))
            continue
        near = get_close_matches(text, names, n=3)
        tail = text.rsplit(".", 1)[-1]
        hint = "See all names with: camctl layers MODEL"
        if not near and (alike := [name for name in names if name.endswith(f".{tail}")][-3:]):
            hint = f"Did you mean {' or '.join(alike)}? {hint}"
        raise UnknownNameError("layer", text, near, hint=hint)
    return tuple(found)


def shallow_to_deep(layers: LayerMap, count: int, deepest: str) -> tuple[str, ...]:
    """`count` usable layers, evenly spread in the order they ran, the last of them `deepest`; fewer if there are fewer.

    Of one kind, so that maps differ by depth alone: the deepest layer's namesakes in other blocks (`layer1.0.bn3`,
    `layer4.2.bn3`), else layers of its type, else whatever is usable.
    """
    usable = [record for record in layers.records if record.usable and not record.same_as]
    end = next((record for record in layers.records if record.name == deepest), None)
    if end is None:
        return ()
    usable = [record for record in usable if record.order < end.order] + [end]
    last = deepest.rpartition(".")[2]
    namesakes = [record for record in usable if record.name.rpartition(".")[2] == last and record.type == end.type]
    kind = [record for record in usable if record.type == end.type]
    chosen = next((some for some in (namesakes, kind) if len(some) >= count), usable)
    if count >= len(chosen):
        return tuple(record.name for record in chosen)
    if count == 1:
        return (deepest,)
    places = [round(step * (len(chosen) - 1) / (count - 1)) for step in range(count)]
    return tuple(chosen[place].name for place in places)


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*|\?)", text)
    signs = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    return re.compile("".join(signs.get(part, re.escape(part)) for part in parts))
