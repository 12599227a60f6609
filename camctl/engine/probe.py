"""The probe: one forward and one backward pass that show every module's output, grid and gradient."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from camctl.engine.detections import BoxQuestion, queries_in
from camctl.engine.graph import gradients_of, with_graph
from camctl.engine.model_state import ModuleTable, untouched
from camctl.engine.observations import Observation, ProbeRun, is_norm, watch
from camctl.engine.places import take_places
from camctl.plugin import ClassQuestion, Question
from camctl.values.layer_map import LayerMap, LayerRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from camctl.engine.layout import LayoutHints


def probe(
    model: nn.Module | ModuleTable,
    forward: Callable[[Tensor], Tensor],
    inputs: Tensor,
    hints: LayoutHints,
    question: Question | Callable[[Tensor], Question] | None = None,
) -> LayerMap:
    """Observe every module in one forward pass, and one backward pass from a question (the best class by default).

    `inputs` are (1, 3, h, w). The question may be a function of the model's output. The model is restored afterwards.
    """
    table = ModuleTable.of(model)
    run = ProbeRun(batch=inputs.shape[0], size=(inputs.shape[-2], inputs.shape[-1]), hints=hints)
    seen: dict[str, Observation] = {}
    feeding: dict[str, str] = {}
    with untouched(table):
        try:
            _run(table, forward, inputs, question, run, seen)
            norms = [part for part in seen.values() if is_norm(part.part)]
            feeding = {part.name: norm.name for part in seen.values() for norm in norms if part.activates(norm)}
        finally:
            for part in seen.values():
                part.release()
    ran = sorted(seen.values(), key=lambda part: part.order)
    records = [part.record(order) for order, part in enumerate(ran)]
    never = [Observation(name, part).record(-1) for name, part in table.parts.items() if name and name not in seen]
    apart = {part.name for part in ran if run.shared and part.name not in run.shared}
    default = default_layer(records, apart | {part.name for part in ran if part.scores or part.aside})
    return LayerMap(
        records=(*records, *never),
        default=default,
        chosen_by="probe",
        input_size=run.size,
        pre_activation=tuple(feeding[name] for name in default if name in feeding),
        rectified=any(seen[name].rectified for name in default),
    )


def _run(
    table: ModuleTable,
    forward: Callable[[Tensor], Tensor],
    inputs: Tensor,
    question: Question | Callable[[Tensor], Question] | None,
    run: ProbeRun,
    seen: dict[str, Observation],
) -> None:
    """Run both passes; hooks fill `seen`."""
    hooks = [part.register_forward_hook(watch(name, seen, run)) for name, part in table.parts.items() if name]
    queries: list[int] = []
    hooks.append(table.root.register_forward_hook(lambda _part, _args, output: queries.append(queries_in(output))))
    try:
        # Branches may part at the input itself: from there on everything is in the graph.
        start = inputs.detach().clone().requires_grad_()
        with torch.enable_grad():
            logits = with_graph(forward, start, seen.clear)
    finally:
        for hook in hooks:
            hook.remove()
    run.classes = logits.shape[1]
    take_places(seen.values(), logits, max(queries, default=0))
    if question is None:
        question = ClassQuestion(int(logits[0].nan_to_num(nan=float("-inf")).argmax()))
    asked = question if isinstance(question, Question) else question(logits.detach())
    if isinstance(asked, BoxQuestion):
        run.shared = _reached(asked.edges(logits), start, seen)
    with torch.enable_grad():
        score = asked.answers(logits)[:, asked.column].float().sum()
    if score.requires_grad:
        # Hooks on the tensors read the gradients, so that only their means stay in memory.
        gradients_of(score, [start], last=True)


def _reached(edges: Tensor, start: Tensor, seen: dict[str, Observation]) -> set[str]:
    """Return the layers that a detected box's edges depend on: those of its score alone hold scores, not objects."""
    if not edges.requires_grad:
        return set()
    gradients_of(edges.float().sum(), [start], last=False)
    names = {name for name, part in seen.items() if part.reached}
    for part in seen.values():
        part.reached, part.scores, part.gradient = False, False, None
    return names


def default_layer(records: Sequence[LayerRecord], scores: Collection[str] = ()) -> tuple[str, ...]:
    """Return the layer whose output the head reads, or the norm that feeds the last attention of a token network.

    On a convolutional network it is the last usable output: the activated one, after the sum of a residual block.
    On a network of tokens it is the last usable norm of that grid and width. Empty if no layer has a grid.

    `scores` are layers whose channels are the classes, or that decide on the score of a box alone: they hold scores
    rather than features.
    """
    makers = _makers(records)
    usable = [record for record in makers if record.usable]
    usable = [record for record in usable if record.name not in scores] or usable
    if not usable:
        # NaN weights or a head of zeros: the verdict says so, at a layer that has a grid at least.
        usable = [record for record in makers if record.why_not == "zero-gradient"]
    if not usable:
        return ()
    last = usable[-1]
    if last.layout != "NLC":
        return (_once(records, last),)
    norms = [record for record in usable if record.norm]
    sequences = {(norm.grid, norm.extra_tokens) for norm in norms if norm.layout == "NLC" and norm.extra_tokens}
    stream = None if (last.grid, last.extra_tokens) in sequences else _dead_stream(records, last)
    if streamed := [record for record in norms if _grid_of(record) == stream]:
        return (streamed[-1].name,)
    if norms and norms[-1].grid == last.grid and norms[-1].channels in _widths_before(last):
        return (norms[-1].name,)
    return (last.name,)


def _once(records: Sequence[LayerRecord], last: LayerRecord) -> str:
    """Return the name of a tensor's maker; if that runs several times (a shared ReLU), the first block that ends in it.

    The ReLU's own name may mislead: mmpretrain's DenseNet has one, `backbone.act`, that ends all transitions.
    """
    if last.calls == 1:
        return last.name
    same = [one for one in records if one.same_as == last.name and one.calls == 1 and one.layout == last.layout]
    # Looked up, not searched for: a hundred thousand modules may pass the tensor through.
    holders = {parent for record in records for parent in accumulate(record.name.split(".")[:-1], "{}.{}".format)}
    return next((block.name for block in same if block.name in holders), last.name)


def _makers(records: Sequence[LayerRecord]) -> list[LayerRecord]:
    """Return one record per distinct tensor, its producer's; modules that pass it through are dropped."""
    whole = {norm.name: norm.same_as for norm in records if norm.norm and norm.same_as.startswith(f"{norm.name}.")}
    inside = set(whole.values())
    return [record for record in records if record.name in whole or not (record.same_as or record.name in inside)]


def _dead_stream(records: Sequence[LayerRecord], last: LayerRecord) -> tuple[object, ...] | None:
    """Return grid, width and extra tokens of a class-token net's sequence if the last live output has another grid.

    After the attention that the class token reads, patches have no effect. That attention may work on fewer cells than
    there are patches (keys and values from strided convolutions): those are not a target layer.
    """
    dead = [record for record in records if record.why_not == "zero-gradient" and record.order > last.order]
    stream = next((record for record in reversed(dead) if record.layout == "NLC" and record.extra_tokens), None)
    if stream is None or last.layout != "NLC" or stream.grid == last.grid:
        return None
    return _grid_of(stream) if stream.channels in _widths_before(last) else None


def _grid_of(record: LayerRecord) -> tuple[object, ...]:
    return record.grid, record.channels, record.extra_tokens


def _widths_before(last: LayerRecord) -> tuple[int, ...]:
    """Return the possible widths of the norm before the last usable output: its own, a half or a third of it."""
    if last.channels is None:
        return ()
    parts = (1, 2, 3) if last.layout == "NLC" else (1,)
    return tuple(last.channels // part for part in parts if last.channels % part == 0)
