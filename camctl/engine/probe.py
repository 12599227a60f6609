"""The probe: one forward and one backward pass that show every module's output, grid and gradient."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from camctl.engine.model_state import untouched
from camctl.engine.observations import Around, Sight, is_norm, watch
from camctl.errors import InputError, UnknownNameError
from camctl.values.layer_map import LayerMap, LayerRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from camctl.engine.layout import LayoutHints


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
    around = Around(batch=inputs.shape[0], size=(inputs.shape[-2], inputs.shape[-1]), hints=hints)
    seen: dict[str, Sight] = {}
    handles = []
    with untouched(module):
        try:
            for name, part in module.named_modules():
                if name:
                    handles.append(part.register_forward_hook(watch(name, seen, around)))
            # Branches may part at the input itself: from there on everything is in the graph.
            start = inputs.detach().clone().requires_grad_()
            with torch.enable_grad():
                logits = forward(start)
            for handle in handles:
                handle.remove()
            around.classes = logits.shape[1]
            best = int(logits[0].nan_to_num(nan=float("-inf")).argmax()) if target is None else target
            score = logits[:, best].float().sum()
            if score.requires_grad:
                # Gradients are read by hooks on the tensors, so that only their means stay in memory.
                torch.autograd.grad(score, start, allow_unused=True)
            norms = [sight for sight in seen.values() if is_norm(sight.part)]
            feeding = {sight.name: norm.name for sight in seen.values() for norm in norms if sight.activates(norm)}
        finally:
            for handle in handles:
                handle.remove()
            for sight in seen.values():
                sight.release()
    ran = sorted((sight for sight in seen.values()), key=lambda sight: sight.order)
    records = [sight.record(name_order) for name_order, sight in enumerate(ran)]
    never = [_never(name, part) for name, part in module.named_modules() if name and name not in seen]
    everything = (*records, *never)
    scores = {sight.name for sight in ran if sight.scores}
    default = default_layer(records, scores)
    return LayerMap(
        records=everything,
        default=default,
        chosen_by="probe",
        input_size=around.size,
        pre_activation=tuple(feeding[name] for name in default if name in feeding),
        rectified=any(seen[name].rectified for name in default),
    )


def default_layer(records: Sequence[LayerRecord], scores: Collection[str] = ()) -> tuple[str, ...]:
    """The layer whose output the head reads, or the norm that feeds the last attention of a token network.

    On a convolutional network it is the last usable output: the activated one, and behind the sum of a residual block.
    On a network of tokens it is the last usable norm of that grid and width.

    Parameters
    ----------
    records: in the order in which the modules finished.
    scores: layers whose channels are the classes: what follows from the features, and no features any more.

    Returns
    -------
    One name; empty where no layer has places.
    """
    makers = _makers(records)
    usable = [record for record in makers if record.usable]
    usable = [record for record in usable if record.name not in scores] or usable
    if not usable:
        # NaN weights or a head of zeros: the verdict says so, at a layer that has places at least.
        usable = [record for record in makers if record.why_not == "zero-gradient"]
    if not usable:
        return ()
    last = usable[-1]
    if last.layout != "NLC":
        return (_once(records, last),)
    norms = [record for record in usable if record.norm]
    sequences = {(each.grid, each.extra_tokens) for each in norms if each.layout == "NLC" and each.extra_tokens}
    stream = None if (last.grid, last.extra_tokens) in sequences else _dead_stream(records, last)
    if streamed := [record for record in norms if _grid_of(record) == stream]:
        return (streamed[-1].name,)
    if norms and norms[-1].grid == last.grid and norms[-1].channels in _widths_before(last):
        return (norms[-1].name,)
    return (last.name,)


def _once(records: Sequence[LayerRecord], last: LayerRecord) -> str:
    """The name of a tensor's maker; of the first block that ends in it where that runs several times (a shared ReLU).

    The ReLU may have its name from elsewhere: mmpretrain's DenseNet has one, `backbone.act`, that ends all transitions.
    """
    same = [each for each in records if each.same_as == last.name and each.calls == 1 and each.layout == last.layout]
    blocks = [each for each in same if any(other.name.startswith(f"{each.name}.") for other in records)]
    return blocks[0].name if last.calls > 1 and blocks else last.name


def _makers(records: Sequence[LayerRecord]) -> list[LayerRecord]:
    """One record for each tensor: whoever made it. What hands it on stands where its maker stands, and not later.

    A norm with its activation inside counts as the maker of what that activation puts out.
    """
    whole = {each.name: each.same_as for each in records if each.norm and each.same_as.startswith(f"{each.name}.")}
    inside = set(whole.values())
    return [each for each in records if each.name in whole or not (each.same_as or each.name in inside)]


def _dead_stream(records: Sequence[LayerRecord], last: LayerRecord) -> tuple[object, ...] | None:
    """Grid, width and extra tokens of a class-token net's sequence, where the last live output has another grid.

    Behind the attention that the class token reads, patches go on without any effect. That attention may work on
    fewer places than there are patches (keys and values out of strided convolutions): those are no target layer.
    """
    dead = [each for each in records if each.why_not == "zero-gradient" and each.order > last.order]
    stream = next((each for each in reversed(dead) if each.layout == "NLC" and each.extra_tokens), None)
    if stream is None or last.layout != "NLC" or stream.grid == last.grid:
        return None
    return _grid_of(stream) if stream.channels in _widths_before(last) else None


def _grid_of(record: LayerRecord) -> tuple[object, ...]:
    return record.grid, record.channels, record.extra_tokens


def _widths_before(last: LayerRecord) -> tuple[int, ...]:
    """Widths of the norm that the last usable output stands for: its own, a half or a third of it.

    Where a class token alone is read, the last output with live places is often keys and values in one, or queries too.
    """
    if last.channels is None:
        return ()
    parts = (1, 2, 3) if last.layout == "NLC" else (1,)
    return tuple(last.channels // part for part in parts if last.channels % part == 0)


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
        negative=None,
        norm=is_norm(part),
        same_as="",
        usable=False,
        why_not="not-run",
    )


def with_default(layers: LayerMap, default: Sequence[str], chosen_by: str) -> LayerMap:
    """The same map with the default that an adapter names."""
    return replace(layers, default=tuple(default), chosen_by=chosen_by, pre_activation=(), rectified=False)


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


def ladder(layers: LayerMap, count: int, deepest: str) -> tuple[str, ...]:
    """Usable layers of one kind in the order they ran, the last of them `deepest`; at least `count` where there are.

    Of one kind, so that maps differ by depth alone: names that differ by numbers (`layer1.0.bn3`, `layer4.2.bn3`), else
    by what stands before the last part, else layers of its type or of a block's that ends in it, else all usable ones.
    """
    end = next((record for record in layers.records if record.name == deepest), None)
    if end is None:
        return ()
    usable = [record for record in layers.records if record.usable and record.order < end.order]
    kinds = [
        [each for each in usable if each.type == end.type and form(each.name) == form(end.name)]
        for form in (lambda name: re.sub(r"\d+", "#", name), lambda name: name.rpartition(".")[2])
    ]
    kinds += [
        [each for each in usable if each.type == same.type and not same.name.startswith(f"{each.name}.")]
        for same in reversed(layers.records)
        if same.name == deepest or (end.same_as and end.same_as in (same.same_as, same.name))
    ]
    makers = [record for record in usable if not record.same_as and record.name != end.same_as]
    chosen = next((kind for kind in kinds if len(kind) + 1 >= count), makers)
    return (*(record.name for record in chosen), deepest)


def evenly(names: Sequence[str], count: int) -> tuple[str, ...]:
    """`count` of the names, evenly spread, the last among them; all of them where there are no more."""
    if count >= len(names):
        return tuple(names)
    if count == 1:
        return (names[-1],)
    return tuple(names[round(step * (len(names) - 1) / (count - 1))] for step in range(count))


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*|\?)", text)
    signs = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    return re.compile("".join(signs.get(part, re.escape(part)) for part in parts))
