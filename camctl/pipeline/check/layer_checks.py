"""What a check finds about the target layers, one function per line of its report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from camctl.errors import Hint
from camctl.pipeline.check.trial import by
from camctl.values.texts import counted

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.pipeline.check.trial import Outcome, Trial
    from camctl.values.layer_map import LayerMap


def layers(trial: Trial) -> Outcome:
    """Count the usable layers, and the reasons against the others."""
    records = trial.seen.records
    why = Counter(record.why_not for record in records if record.why_not)
    usable = len(records) - why.total()
    reasons = ", ".join(f"{count} {word}" for word, count in why.most_common())
    text = f"{usable} of {len(records)} usable" + (f"; {reasons}" if reasons else "")
    if usable:
        return "limited", text, ""
    return "failed", text, "A map needs a layer inside the module whose output keeps the picture's rows and columns."


def chosen(trial: Trial) -> Outcome:
    """Name who chose the layer, and whether adapter and probe agree."""
    name = trial.scene.plan.adapter
    if not name:
        return "ok", "no adapter knows this model; the probe chose the layer", ""
    default = trial.alone.default
    if _makers(trial.alone, trial.layers) == _makers(trial.alone, default):
        return "ok", f"adapter {name} and the probe by itself choose the same", ""
    other = " ".join(default) or "none"
    both = Hint("See both", "compare", model=trial.scene.loaded.name, target_layers=(*trial.layers, *default))
    return "ok", f"adapter {name} chose it; the probe by itself would choose {other}", both if default else ""


def claims(trial: Trial) -> Outcome | None:
    """Compare the adapter's claims on extra tokens and grid with the forward pass."""
    if not trial.scene.plan.adapter:
        return None
    claimed = trial.scene.plan.hints.claimed_tokens
    for record, plain in zip(trial.records(), trial.records(trial.alone), strict=True):
        if record.layout in {"NLC", "adapter"} and claimed is not None and record.extra_tokens != claimed:
            text = f"the adapter claims {_tokens(claimed)}, and {record.name} has {record.extra_tokens}"
            return "limited", text, "The forward pass decides on tokens; tell the adapter's author."
        if plain.grid is None:
            return "ok", f"only the adapter sees a grid in {record.name}, of {by(record.grid)}", ""
        if plain.grid != record.grid:
            text = f"the adapter lays {record.name} out on {by(record.grid)}, the probe by itself on {by(plain.grid)}"
            return "limited", text, "Check that the map is not shifted."
    return "ok", f"its claims hold: {_tokens(claimed or 0)}, grid {by(trial.records()[0].grid)}", ""


def gradient(trial: Trial) -> Outcome:
    """Check whether the class score depends on the layer's grid."""
    dead = [record.name for record in trial.records() if not record.usable]
    if not dead:
        return "ok", "the class score depends on the layer's grid", ""
    if trial.cam is not None and trial.cam.verdict == "not-finite":
        return "failed", "holds NaN or infinite values, as the verdict says", ""
    hint = Hint("See the layers that can be used", "layers", model=trial.scene.loaded.name, usable=True)
    return "failed", f"the class score does not depend on the grid of {dead[0]}", hint


def shape(trial: Trial) -> Outcome | None:
    """Check whether the grid has the proportions of the input; None if the layer is pooled."""
    from camctl.engine.layout import follows

    size, grids = trial.seen.input_size, [record.grid for record in trial.records()]
    if None in grids:
        return None
    off = [grid for grid in grids if grid and not follows(size, grid)]
    if not off:
        return "ok", f"{by(grids[0])} follows the input's {by(size)}", ""
    hint = Hint("The map would be skewed. Name another layer, or give the number of extra tokens", num_extra_tokens="N")
    return "failed", f"{by(off[0])} does not follow the input's {by(size)}", hint


def order(trial: Trial) -> Outcome | None:
    """Check whether a change in the picture shows at the same spot of the map; None if the grid is a single cell."""
    from camctl.engine import spatial_order

    def grid_of(inputs: Tensor) -> Tensor:
        seen = trial.capture(inputs)
        return seen.layout.to_grid(seen.output)[0].detach().float().cpu()

    if not trial.steady:
        return "limited", "cannot be told, since the scores differ each time", ""
    changes = spatial_order.changes(trial.scene.inputs, grid_of)
    if changes[0].numel() == 1:
        return None
    if not (changes.isfinite().all() and (changes.sum((1, 2)) > 0).all()):
        return "limited", "cannot be told, since the map's layer does not move with the picture, or is not finite", ""
    wrong = spatial_order.wrong_order(changes)
    if not wrong and spatial_order.in_place(changes):
        return "ok", "a change in the picture shows in the same place of the map", ""
    hint = "Its tokens may be in another order: write an adapter (plugins/README.md)."
    if adapter := trial.scene.plan.adapter:
        hint = f"Check that to_grid of the adapter {adapter} keeps rows and columns."
    if wrong:
        return "failed", f"a change in the picture shows elsewhere in the map: {wrong}", hint
    tokens = trial.records()[-1].layout in {"NLC", "NCL", "adapter"}
    text = "a change in the picture shows all over the map, so that its order cannot be told"
    return "limited", text, hint if tokens else ""


def _makers(layers: LayerMap, names: tuple[str, ...]) -> set[str]:
    """Return the modules whose tensors these modules pass through."""
    makers = {record.name: record.same_as or record.name for record in layers.records}
    return {makers[name] for name in names}


def _tokens(count: int) -> str:
    return counted(count, "extra token")
