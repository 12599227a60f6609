"""What a check finds about the target layers, one function per line of its report."""

from __future__ import annotations

from collections import Counter
from shlex import quote
from typing import TYPE_CHECKING

from camctl.errors import Hint
from camctl.pipeline.check.trial import by
from camctl.values.check import Finding

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.pipeline.check.trial import Trial
    from camctl.values.layer_map import LayerMap


def layers(trial: Trial) -> Finding:
    """Count the usable layers, and the reasons against the others."""
    why = Counter(record.why_not for record in trial.choice.seen.records if record.why_not)
    usable = len(trial.choice.seen.records) - why.total()
    reasons = ", ".join(f"{count} {word}" for word, count in why.most_common())
    text = f"{usable} of {len(trial.choice.seen.records)} usable" + (f"; {reasons}" if reasons else "")
    hint = "" if usable else "A map needs a layer inside the module whose output keeps the picture's rows and columns."
    return Finding(name="layers", mark="limited" if usable else "failed", text=text, hint=hint)


def chosen(trial: Trial) -> Finding:
    """Name who chose the layer, and whether adapter and probe agree."""
    name = trial.scene.plan.adapter
    if not name:
        return Finding(name="layer", mark="ok", text="no adapter knows this model; the probe chose the layer")
    mine, theirs = _madeby(trial.choice.alone, trial.layers), _madeby(trial.choice.alone, trial.choice.alone.default)
    if mine == theirs:
        return Finding(name="layer", mark="ok", text=f"adapter {name} and the probe by itself choose the same")
    other = " ".join(trial.choice.alone.default) or "none"
    text = f"adapter {name} chose it; the probe by itself would choose {other}"
    both = Hint("See both", "compare", model=quote(trial.scene.loaded.name), target_layers=(*trial.layers, other))
    return Finding(name="layer", mark="ok", text=text, hint=both if trial.choice.alone.default else "")


def claims(trial: Trial) -> Finding | None:
    """Compare the adapter's claims on extra tokens and grid with the forward pass."""
    if not trial.scene.plan.adapter:
        return None
    claimed = trial.scene.plan.hints.claimed_tokens
    for record, plain in zip(trial.records(), trial.records(trial.choice.alone), strict=True):
        hint = "The forward pass decides on tokens; tell the adapter's author."
        if record.layout in {"NLC", "adapter"} and claimed is not None and record.extra_tokens != claimed:
            text = f"the adapter claims {_tokens(claimed)}, and {record.name} has {record.extra_tokens}"
            return Finding(name="adapter", mark="limited", text=text, hint=hint)
        if plain.grid is None:
            text = f"only the adapter sees a grid in {record.name}, of {by(record.grid)}"
            return Finding(name="adapter", mark="ok", text=text)
        if plain.grid != record.grid:
            text = f"the adapter lays {record.name} out on {by(record.grid)}, the probe by itself on {by(plain.grid)}"
            return Finding(name="adapter", mark="limited", text=text, hint="Check that the map is not shifted.")
    text = f"its claims hold: {_tokens(claimed or 0)}, grid {by(trial.records()[0].grid)}"
    return Finding(name="adapter", mark="ok", text=text)


def gradient(trial: Trial) -> Finding:
    """Check whether the class score depends on the layer's grid."""
    dead = [record.name for record in trial.records() if not record.usable]
    if not dead:
        return Finding(name="gradient", mark="ok", text="the class score depends on the layer's grid")
    if trial.cam is not None and trial.cam.verdict == "not-finite":
        return Finding(name="gradient", mark="failed", text="holds NaN or infinite values, as the verdict says")
    text = f"the class score does not depend on the grid of {dead[0]}"
    hint = Hint("See the layers that can be used", "layers", model=quote(trial.scene.loaded.name), usable=True)
    return Finding(name="gradient", mark="failed", text=text, hint=hint)


def shape(trial: Trial) -> Finding | None:
    """Check whether the grid has the proportions of the input; None if the layer is pooled."""
    from camctl.engine.layout import follows

    size = trial.choice.seen.input_size
    if any(record.grid is None for record in trial.records()):
        return None
    off = [record for record in trial.records() if record.grid and not follows(size, record.grid)]
    grid = by(off[0].grid if off else trial.records()[0].grid)
    if not off:
        return Finding(name="grid", mark="ok", text=f"{grid} follows the input's {by(size)}")
    hint = Hint("The map would be skewed. Name another layer, or give the number of extra tokens", num_extra_tokens="N")
    return Finding(name="grid", mark="failed", text=f"{grid} does not follow the input's {by(size)}", hint=hint)


def order(trial: Trial) -> Finding | None:
    """Check whether a change in the picture shows at the same spot of the map; None if the grid is a single cell."""
    from camctl.engine import spatial_order

    def grid_of(inputs: Tensor) -> Tensor:
        seen = trial.capture(inputs)
        return seen.layout.to_grid(seen.output)[0].detach().float().cpu()

    name = "places"
    if not trial.steady:
        return Finding(name=name, mark="limited", text="cannot be told, since the scores differ each time")
    changes = spatial_order.changes(trial.scene.inputs, grid_of)
    if changes[0].numel() == 1:
        return None
    if not (changes.isfinite().all() and (changes.sum((1, 2)) > 0).all()):
        text = "cannot be told, since the map's layer does not move with the picture, or is not finite"
        return Finding(name=name, mark="limited", text=text)
    wrong = spatial_order.wrong_order(changes)
    if not wrong and spatial_order.in_place(changes):
        return Finding(name=name, mark="ok", text="a change in the picture shows in the same place of the map")
    adapter, (record, *_) = trial.scene.plan.adapter, trial.records()[-1:]
    hint = (
        f"Check that to_grid of the adapter {adapter} keeps rows and columns."
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


def _madeby(layers: LayerMap, names: tuple[str, ...]) -> set[str]:
    """Return the modules whose tensors these modules pass through."""
    makers = {record.name: record.same_as or record.name for record in layers.records}
    return {makers[name] for name in names}


def _tokens(count: int) -> str:
    return f"{count} extra token{'' if count == 1 else 's'}"
