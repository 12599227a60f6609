"""One model of each module of timm, at random weights, explained without a flag: for the command and the tests."""

from __future__ import annotations

import gc
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from timm_experts import EXPERTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from camctl.plugin import LoadedModel

CLASSES = 1000
"""Of a head for those modules that come without one."""

EDGE = 224
"""Input size of those, in pixels: vision towers of language models, whose own 546 or 768 px take minutes."""

COLUMNS = (
    *("module", "model", "parameters", "input", "layer", "chosen by", "grid", "extra tokens", "verdict"),
    *("seconds", "the expert's"),
)

SEEDS = 5
"""Of weights that are drawn at most, until some evidence speaks for the class."""

PICTURE = 6_700_024
"""Seed of the demo's scene that every model is shown."""


class Member(NamedTuple):
    """A model of a module, and whether it has a head of its own or is given one."""

    name: str
    parameters: int
    own_head: bool


class Row(NamedTuple):
    """What came of a model."""

    module: str
    model: str
    parameters: int
    note: str
    input_size: tuple[int, int]
    layer: str
    chosen_by: str
    grid: tuple[int, int]
    extra_tokens: int
    experts_layer: bool
    """Whether it is one of the expert's layers, or a part of one that gives out the same."""
    verdict: str
    seconds: float
    """Of `camctl.explain`, loading left out."""

    @property
    def found(self) -> str:
        """Where the map differs from the expert's answer; empty where it does not."""
        expert = EXPERTS.get(self.module)
        if expert is None or expert.model != self.model:
            return "no expert's answer"
        parts = []
        if self.grid != expert.grid:
            parts.append(f"grid {expert.grid[0]} x {expert.grid[1]}")
        if self.extra_tokens != expert.extra_tokens:
            parts.append(f"{expert.extra_tokens} extra tokens")
        if not self.experts_layer:
            parts.append(f"layer `{expert.layers.split()[0]}`")
        return ", ".join(parts)


def modules() -> list[str]:
    """All modules of `timm.models` that register models."""
    import timm

    return sorted(module for module in timm.list_modules() if timm.list_models(module=module))


def smallest(module: str) -> Member:
    """The classifier of a module with the fewest parameters; of equals the first by name.

    Where timm gives no model of a module a head, the smallest that takes one with `num_classes`.
    """
    import timm

    names = sorted(timm.list_models(module=module))
    for own_head in (True, False):
        sizes = [(size, name) for name in names if (size := _parameters(name, own_head=own_head)) is not None]
        if sizes:
            size, name = min(sizes)
            return Member(name, size, own_head)
    message = f"No model of {module} is or becomes a classifier."
    raise LookupError(message)


def _parameters(name: str, *, own_head: bool) -> int | None:
    """How many a model has; None where it is no classifier. Nothing is allocated."""
    import timm
    import torch

    from camctl.kit.quiet import quiet

    with quiet(), torch.device("meta"):
        model = timm.create_model(name, **({} if own_head else {"num_classes": CLASSES}))
    # An encoder ignores the number of classes that it is given.
    head = getattr(model, "get_classifier", lambda: None)()
    is_classifier = getattr(model, "num_classes", 0) > 0 and head is not None
    return sum(each.numel() for each in model.parameters()) if is_classifier else None


def explain(module: str, member: Member) -> Row:
    """`camctl.explain` without a flag, on the demo's scene.

    Whether evidence at random weights speaks for or against a class is the toss of a coin: where all of it speaks
    against, the weights are drawn again, and the row says so.
    """
    for seed in range(SEEDS):
        row = _explain(module, member, seed)
        if row.verdict != "negative-only":
            break
    return row


def _explain(module: str, member: Member, seed: int) -> Row:
    from camctl.demo.scenes import render, scene
    from camctl.pipeline.explain import explain as explain_
    from camctl.pipeline.load import load as load_

    head = {} if member.own_head else {"num_classes": CLASSES, "img_size": EDGE}
    loaded = load_(f"timm:{member.name}", random_weights=True, seed=seed, cfg_options=head)
    picture = render(scene(PICTURE, classes=("cat", "dog")), 256)
    start = perf_counter()
    (cam,) = explain_(loaded, picture).maps
    seconds = perf_counter() - start
    notes = [] if member.own_head else [f"no head of its own: given {CLASSES} classes, {EDGE} px"]
    notes += [f"seed {seed}"] if seed else []
    expert = EXPERTS.get(module)
    names = expert.layers.split() if expert else []
    extra_tokens, experts_layer = _look(loaded, picture, cam.layers[-1], names)
    row = Row(
        module=module,
        model=member.name,
        parameters=member.parameters,
        note="; ".join(notes),
        input_size=loaded.input_size,
        layer=cam.layers[-1],
        chosen_by=cam.chosen_by,
        grid=cam.grid,
        extra_tokens=extra_tokens,
        experts_layer=experts_layer,
        verdict=cam.verdict,
        seconds=seconds,
    )
    del loaded, cam
    gc.collect()
    return row


def _look(loaded: LoadedModel, picture: NDArray[np.uint8], layer: str, others: Sequence[str]) -> tuple[int, bool]:
    """Extra tokens before a layer's patches, and whether one of the `others` is this layer or gives out the same."""
    import torch

    from camctl.engine.layout import LayoutHints, find_layout, tensor_in

    seen: dict[str, torch.Tensor] = {}

    def watch(name: str) -> Callable[..., None]:
        def keep(_part: object, _args: object, output: object) -> None:
            tensor = tensor_in(output)
            if tensor is not None:
                seen[name] = tensor.clone()

        return keep

    parts = dict(loaded.module.named_modules())
    hooks = [parts[name].register_forward_hook(watch(name)) for name in {layer, *others} if name in parts]
    with torch.no_grad():
        loaded.forward(loaded.preprocess(picture)[None])
    for hook in hooks:
        hook.remove()
    layout = find_layout(seen[layer], loaded.input_size, 1, parts[layer], LayoutHints())
    same = any(name in seen and torch.equal(seen[name], seen[layer]) for name in others)
    return layout.extra_tokens if layout else 0, same


def table(rows: list[Row]) -> Iterator[str]:
    """The rows as a Markdown table."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for row in rows:
        size, grid = (f"{a} x {b}" for a, b in (row.input_size, row.grid))
        model = f"{row.model} ({row.note})" if row.note else row.model
        yield (
            f"| {row.module} | {model} | {row.parameters / 1e6:.1f} M | {size} | `{row.layer}` | {row.chosen_by} "
            f"| {grid} | {row.extra_tokens} | {row.verdict} | {row.seconds:.1f} | {row.found or 'the same'} |"
        )
