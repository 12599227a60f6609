"""What a check tries on a model, one function a line of its report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.pipeline.explain import STRETCHED, explain
from camctl.pipeline.method_selection import pick_methods
from camctl.values.check import Finding

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.engine.model_state import Condition
    from camctl.pipeline.scene import Scene
    from camctl.values.explanation import Cam, LayerMap, LayerRecord
    from camctl.values.request import Family

CLOSE, ROUGH = 1e-4, 0.05
"""How far logits or maps may be apart and still count as the same, as a share of the largest; for half precisions the
latter."""

ATTENTION = ("AttentionRollout", "GradientAttention", "LeGrad")
"""The built-in methods that read attention; what the first can read, the others can."""

BY_REPLAY = ("ReciproCAM", "AblationCAM")


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What is known of a model before the findings."""

    scene: Scene
    layers: tuple[str, ...]
    """The default target layers."""
    seen: LayerMap
    """As the probe sees the layers with what the adapter knows."""
    alone: LayerMap
    """As the probe sees them without it, and what it would choose."""
    logits: tuple[Tensor, Tensor]
    """(1, classes) each, on the CPU: the same forward pass twice."""
    cam: Cam | None
    """The default map; None where no layer can be captured."""
    telling: bool
    """Whether picture and weights show a class that the map can point at."""
    family: Family
    """What the user said of the family."""
    bare: float
    """Seconds of a bare forward pass."""
    start: Condition
    """Before the first forward pass."""
    after_bare: Condition
    """Before the first hook."""

    @property
    def close(self) -> float:
        """`CLOSE` or `ROUGH`, by the model's precision."""
        return CLOSE if self.scene.inputs.dtype.itemsize >= 4 else ROUGH  # noqa: PLR2004

    @property
    def steady(self) -> bool:
        """Whether the same forward pass gave the same logits."""
        return _off(*self.logits) <= self.close

    def records(self, layers: LayerMap | None = None) -> list[LayerRecord]:
        """Those of the target layers, in the probe's view with or without the adapter."""
        found = {record.name: record for record in (layers or self.seen).records}
        return [found[name] for name in self.layers]


def look(trial: Trial) -> tuple[Finding, ...]:
    """Every finding; those of a map are left out where there is none. Whether the model is as it was comes last."""
    of_model = (steady, batch, class_names, preprocessing, untouched)
    of_layer = (chosen, claims, gradient, shape, places)
    of_map = (*of_layer, pointing, steady, batch, replay, attention, class_names, preprocessing, untouched)
    found = [each(trial) for each in (of_map if trial.cam is not None else (layers, *of_model))]
    return tuple(each for each in found if each is not None)


def layers(trial: Trial) -> Finding:
    """How many layers are usable, and what stands in the others' way."""
    why = Counter(record.why_not for record in trial.seen.records if record.why_not)
    usable = len(trial.seen.records) - why.total()
    told = ", ".join(f"{count} {word}" for word, count in why.most_common())
    text = f"{usable} of {len(trial.seen.records)} usable" + (f"; {told}" if told else "")
    hint = "" if usable else "A map needs a layer inside the module whose output keeps the picture's rows and columns."
    return Finding(name="layers", mark="limited" if usable else "failed", text=text, hint=hint)


def chosen(trial: Trial) -> Finding:
    """Who chose the layer, and whether adapter and probe agree."""
    name = trial.scene.adapter
    if not name:
        return Finding(name="layer", mark="ok", text="no adapter knows this model; the probe chose the layer")
    mine, theirs = _made_by(trial.alone, trial.layers), _made_by(trial.alone, trial.alone.default)
    if mine == theirs:
        return Finding(name="layer", mark="ok", text=f"adapter {name} and the probe by itself choose the same")
    other = " ".join(trial.alone.default) or "none"
    text = f"adapter {name} chose it; the probe by itself would choose {other}"
    both = f"camctl compare IMAGE {quote(trial.scene.loaded.name)} --target-layers {' '.join(trial.layers)} {other}"
    return Finding(name="layer", mark="ok", text=text, hint=f"See both: {both}" if trial.alone.default else "")


def claims(trial: Trial) -> Finding | None:
    """Whether the forward pass shows the extra tokens and the grid that the adapter claims."""
    if not trial.scene.adapter:
        return None
    claimed = trial.scene.hints.claimed_tokens
    for record, plain in zip(trial.records(), trial.records(trial.alone), strict=True):
        hint = "The forward pass has the last word on tokens; tell the adapter's author."
        if record.layout in {"NLC", "adapter"} and claimed is not None and record.extra_tokens != claimed:
            text = f"the adapter claims {_tokens(claimed)}, and {record.name} has {record.extra_tokens}"
            return Finding(name="adapter", mark="limited", text=text, hint=hint)
        if plain.grid is None:
            text = f"only the adapter sees a grid in {record.name}, of {_by(record.grid)}"
            return Finding(name="adapter", mark="ok", text=text)
        if plain.grid != record.grid:
            text = f"the adapter lays {record.name} out on {_by(record.grid)}, the probe by itself on {_by(plain.grid)}"
            return Finding(name="adapter", mark="limited", text=text, hint="See that the map is not shifted or skewed.")
    text = f"its claims hold: {_tokens(claimed or 0)}, grid {_by(trial.records()[0].grid)}"
    return Finding(name="adapter", mark="ok", text=text)


def gradient(trial: Trial) -> Finding:
    """Whether the class score depends on the layer's places."""
    dead = [record.name for record in trial.records() if not record.usable]
    if not dead:
        return Finding(name="gradient", mark="ok", text="the class score depends on the layer's places")
    if trial.cam is not None and trial.cam.verdict == "not-finite":
        return Finding(name="gradient", mark="failed", text="holds NaN or infinite values, as the verdict says")
    text = f"the class score does not depend on the places of {dead[0]}"
    hint = f"Choose another with: camctl layers {quote(trial.scene.loaded.name)} --usable"
    return Finding(name="gradient", mark="failed", text=text, hint=hint)


def shape(trial: Trial) -> Finding | None:
    """Whether the grid has the proportions of what the model is given; None where places were pooled away."""
    from camctl.engine.layout import follows

    size = trial.seen.input_size
    if any(record.grid is None for record in trial.records()):
        return None
    off = [record for record in trial.records() if record.grid and not follows(size, record.grid)]
    grid = _by(off[0].grid if off else trial.records()[0].grid)
    if not off:
        return Finding(name="grid", mark="ok", text=f"{grid} follows the input's {_by(size)}")
    hint = "The map would be skewed: count the extra tokens with --num-extra-tokens, or name other --target-layers."
    return Finding(name="grid", mark="failed", text=f"{grid} does not follow the input's {_by(size)}", hint=hint)


def places(trial: Trial) -> Finding | None:
    """Whether a change in the picture shows in the same place of the map; None where the grid is a single cell."""
    from camctl.engine import spatial_order as placing

    name = "places"
    if not trial.steady:
        return Finding(name=name, mark="limited", text="cannot be told, since the scores differ each time")
    changes = placing.changes(trial.scene.inputs, partial(_grid, trial))
    if changes[0].numel() == 1:
        return None
    if not (changes.isfinite().all() and (changes.sum((1, 2)) > 0).all()):
        text = "cannot be told, since the map's layer does not move with the picture, or is not finite"
        return Finding(name=name, mark="limited", text=text)
    wrong = placing.wrong_order(changes)
    if not wrong and placing.in_place(changes):
        return Finding(name=name, mark="ok", text="a change in the picture shows in the same place of the map")
    adapter, (record, *_) = trial.scene.adapter, trial.records()[-1:]
    hint = (
        f"See that to_grid of the adapter {adapter} keeps rows and columns."
        if adapter
        else "Its tokens may be in another order: write an adapter (plugins/README.md)."
    )
    if wrong:
        text = f"a change in the picture shows elsewhere in the map: {wrong}"
        return Finding(name=name, mark="failed", text=text, hint=hint)
    text = "a change in the picture shows all over the map, so that its order cannot be told"
    return Finding(
        name=name, mark="limited", text=text, hint=hint if record.layout in {"NLC", "NCL", "adapter"} else ""
    )


def pointing(trial: Trial) -> Finding | None:
    """Whether the model misses the map's brighter half more than its darker half; None where that was not tried."""
    name = "pointing"
    if not trial.telling or trial.cam is None or trial.cam.verdict not in {"ok", "inverted"}:
        return None
    if trial.cam.verdict == "inverted":
        return Finding(name=name, mark="failed", text="the map points away from its class, as the verdict says")
    return Finding(name=name, mark="ok", text="hiding the map's brighter half costs the class more than its darker")


def steady(trial: Trial) -> Finding:
    """Whether the model says the same twice, and the map is the same twice."""
    name, hint = "repeatable", "Something in the forward pass is random or has a memory: switch it off in eval mode."
    if not trial.steady:
        text = f"the same picture gives other scores each time (off by {_off(*trial.logits):.1%})"
        return Finding(name=name, mark="failed", text=text, hint=hint)
    if trial.cam is None:
        return Finding(name=name, mark="ok", text="the same scores twice")
    from torch import from_numpy

    (again,) = _explain(trial, trial.cam.method, targets=trial.cam.target.index)
    off = _off(from_numpy(trial.cam.raw), from_numpy(again.raw))
    if off <= trial.close:
        return Finding(name=name, mark="ok", text="the same scores and the same map twice")
    return Finding(
        name=name, mark="failed", text=f"the map differs from one time to the next (by {off:.1%})", hint=hint
    )


def batch(trial: Trial) -> Finding:
    """Whether a picture's scores are the same beside another picture."""
    import torch

    from camctl.engine.model_state import untouched

    name = "batches"
    hint = "Leave out --aug-smooth, metrics and methods that run batches, such as ScoreCAM."
    if not trial.steady:
        text = "cannot be told, since the scores differ each time"
        return Finding(name=name, mark="limited", text=text)
    try:
        with torch.no_grad(), untouched(trial.scene.loaded.module):
            both = trial.scene.forward(torch.cat([trial.scene.inputs, trial.scene.inputs.flip(-1)])).float().cpu()
    except InputError as error:
        return Finding(name=name, mark="limited", text=f"takes one picture at a time. {error.message}", hint=hint)
    off = _off(trial.logits[0], both[:1])
    if off <= 10 * trial.close:  # other kernels add up in another order
        return Finding(name=name, mark="ok", text="a batch of two gives the scores of each alone")
    text = f"a picture's scores change by {off:.1%} beside another one"
    return Finding(name=name, mark="limited", text=text, hint=hint)


def replay(trial: Trial) -> Finding:
    """Whether what follows the layer can be run by itself."""
    from camctl.engine.capture import Recorder
    from camctl.engine.replay import Replay

    scene, name = trial.scene, "replay"
    with Recorder(scene.loaded.module, trial.layers[-1:], scene.hints, gradients=False) as recorder:
        recorder.forward(scene.inputs, scene.forward)
        seen = recorder.seen[0]
    grid = seen.layout.to_grid(seen.output)
    played = Replay(scene.loaded.module, seen.name, seen.layout, seen.output, scene.inputs, scene.forward)
    played(grid)
    if not played.why_whole:
        text = f"{' and '.join(BY_REPLAY)} run only what follows the layer"
        return Finding(name=name, mark="ok", text=text)
    channels, places = grid.shape[1], grid.shape[2] * grid.shape[3]
    text = f"only whole forward passes will do. {played.why_whole}"
    cost = f"ReciproCAM then takes {places} of them (about {_seconds(places * trial.bare)}) and AblationCAM {channels}."
    return Finding(name=name, mark="limited", text=text, hint=f"{cost} Methods that need no replay are not slower.")


def attention(trial: Trial) -> Finding:
    """Whether methods that read attention can work; the first of them is tried."""
    label = f"camctl[{ATTENTION[0].casefold()}]"
    (first,) = pick_methods([label])
    why = first.cannot(trial.scene.loaded.module)
    try:
        if not why:
            _explain(trial, label)
    except InputError as error:
        why = error.message
    if why:
        return Finding(name="attention", mark="limited", text=f"{', '.join(ATTENTION)} cannot work: {why}")
    return Finding(name="attention", mark="ok", text=f"{', '.join(ATTENTION)} can work")


def class_names(trial: Trial) -> Finding:
    """Whether classes can be asked for by name."""
    names, count, name = trial.scene.loaded.class_names, trial.logits[0].shape[1], "classes"
    binary = names is not None and (len(names), count) == (1, 2)
    if names is not None and (len(names) == count or binary):
        return Finding(name=name, mark="ok", text=f"{count}, with names: {names[0].split(',')[0]}, …")
    known = "without names" if names is None else f"but {len(names)} names, so that none is used"
    hint = f"Ask for them by index: --target-category 0 … {count - 1}"
    return Finding(name=name, mark="limited", text=f"{count}, {known}", hint=hint)


def preprocessing(trial: Trial) -> Finding:
    """How a picture becomes an input."""
    height, width = trial.scene.picture.size
    text = f"a picture of {height} x {width} becomes {_by(trial.seen.input_size)}"
    if trial.scene.view.exact:
        return Finding(name="picture", mark="ok", text=text)
    return Finding(name="picture", mark="limited", text=f"{text}. {STRETCHED}")


def untouched(trial: Trial) -> Finding:
    """Whether the model is as it was: weights, buffers, modes, hooks."""
    from camctl.engine.model_state import changes, condition

    name, now = "untouched", condition(trial.scene.loaded.module)
    if by_itself := changes(trial.start, trial.after_bare):
        text = f"the model's own forward pass changes {_first(by_itself)}"
        hint = "What it says may depend on what it was shown before: keep buffers as they are in eval mode."
        return Finding(name=name, mark="limited", text=text, hint=hint)
    if by_us := changes(trial.after_bare, now):
        text = f"making maps changed {_first(by_us)}"
        hint = (
            "Unless the forward pass does so itself where gradients are on, that is a bug in camctl: please report it."
        )
        return Finding(name=name, mark="failed", text=text, hint=hint)
    return Finding(name=name, mark="ok", text="weights, buffers, modes and hooks are as they were")


def _grid(trial: Trial, inputs: Tensor) -> Tensor:
    """(channels, rows, columns) of the last target layer, on the CPU."""
    from camctl.engine.capture import Recorder

    scene = trial.scene
    with Recorder(scene.loaded.module, trial.layers[-1:], scene.hints, gradients=False) as recorder:
        recorder.forward(inputs, scene.forward)
        seen = recorder.seen[0]
    return seen.layout.to_grid(seen.output)[0].detach().float().cpu()


def _explain(trial: Trial, method: str, **more: Any) -> tuple[Cam, ...]:
    """Maps of a method at the default layers."""
    scene = trial.scene
    return explain(
        scene.loaded, scene.picture, methods=[method], target_layers=trial.layers, family=trial.family, **more
    ).maps


def _off(one: Tensor, other: Tensor) -> float:
    """The largest difference as a share of the largest value; NaN beside NaN is none."""
    import torch

    if one.shape != other.shape:
        return float("inf")
    apart = (one.float() - other.float()).abs()
    same = torch.equal(one.isfinite(), other.isfinite())
    largest = one.float().abs().nan_to_num(0, 0, 0).max().clamp_min(1e-12)
    return float((apart.nan_to_num(0, 0, 0) / largest).max()) if same else float("inf")


def _made_by(layers: LayerMap, names: tuple[str, ...]) -> set[str]:
    """The modules whose very tensors these hand on."""
    makers = {record.name: record.same_as or record.name for record in layers.records}
    return {makers[name] for name in names}


def _tokens(count: int) -> str:
    return f"{count} extra token{'' if count == 1 else 's'}"


def _by(size: tuple[int, int] | None) -> str:
    return f"{size[0]} x {size[1]}" if size else "none"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 1 else "a second"


def _first(words: tuple[str, ...]) -> str:
    return words[0] + (f" and {len(words) - 1} more" if len(words) > 1 else "")
