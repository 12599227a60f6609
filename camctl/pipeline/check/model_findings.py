"""What a check finds about the model, one function per line of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import Hint, InputError
from camctl.pipeline.check.trial import by, difference
from camctl.pipeline.method_selection import pick_methods
from camctl.pipeline.run import STRETCHED
from camctl.values.check import Finding

if TYPE_CHECKING:
    from camctl.pipeline.check.trial import Trial

ATTENTION = ("AttentionRollout", "GradientAttention", "LeGrad")
"""The built-in methods that read attention; what the first can read, the others can."""

BY_REPLAY = ("ReciproCAM", "AblationCAM")


def pointing(trial: Trial) -> Finding | None:
    """Check whether the model misses the map's brighter half more than its darker half; None if that was not tried."""
    name = "pointing"
    if not trial.telling or trial.cam is None or trial.cam.verdict not in {"ok", "inverted"}:
        return None
    if trial.cam.verdict == "inverted":
        return Finding(name=name, mark="failed", text="the map points away from its class, as the verdict says")
    return Finding(name=name, mark="ok", text="hiding the map's brighter half costs the class more than its darker")


def steady(trial: Trial) -> Finding:
    """Check whether scores and map are the same twice."""
    name, hint = "repeatable", "Something in the forward pass is random or has a memory: disable it in eval mode."
    if not trial.steady:
        text = f"the same picture gives other scores each time (off by {difference(*trial.logits):.1%})"
        return Finding(name=name, mark="failed", text=text, hint=hint)
    if trial.cam is None:
        return Finding(name=name, mark="ok", text="the same scores twice")
    from torch import from_numpy

    (again,) = trial.explain(trial.cam.method, targets=trial.cam.target.index)
    off = difference(from_numpy(trial.cam.raw), from_numpy(again.raw))
    if off <= trial.close:
        return Finding(name=name, mark="ok", text="the same scores and the same map twice")
    return Finding(
        name=name, mark="failed", text=f"the map differs from one time to the next (by {off:.1%})", hint=hint
    )


def batch(trial: Trial) -> Finding:
    """Check whether a picture's scores are the same in a batch with another picture."""
    import torch

    from camctl.engine.model_state import untouched

    name = "batches"
    hint = Hint("Leave out metrics, methods that run batches (ScoreCAM), and smoothing over views", aug_smooth=True)
    if not trial.steady:
        text = "cannot be told, since the scores differ each time"
        return Finding(name=name, mark="limited", text=text)
    try:
        with torch.no_grad(), untouched(trial.scene.plan.table):
            both = trial.scene.forward(torch.cat([trial.scene.inputs, trial.scene.inputs.flip(-1)])).float().cpu()
    except InputError as error:
        return Finding(name=name, mark="limited", text=f"takes one picture at a time. {error.message}", hint=hint)
    off = difference(trial.logits[0], both[:1])
    if off <= 10 * trial.close:  # other kernels add up in another order
        return Finding(name=name, mark="ok", text="a batch of two gives the scores of each alone")
    text = f"a picture's scores change by {off:.1%} next to another one"
    return Finding(name=name, mark="limited", text=text, hint=hint)


def replay(trial: Trial) -> Finding:
    """Check whether the layers after the target layer can be run by themselves."""
    from camctl.engine.replay import Replay

    scene, name = trial.scene, "replay"
    seen = trial.capture(scene.inputs)
    grid = seen.layout.to_grid(seen.output)
    played = Replay(scene.plan.table, seen.name, seen.layout, seen.output, scene.inputs, scene.forward)
    played(grid)
    if not played.why_whole:
        text = f"{' and '.join(BY_REPLAY)} run only what follows the layer"
        return Finding(name=name, mark="ok", text=text)
    channels, cells = grid.shape[1], grid.shape[2] * grid.shape[3]
    text = f"only whole forward passes will do. {played.why_whole}"
    cost = f"ReciproCAM then takes {cells} of them (about {_seconds(cells * trial.bare)}) and AblationCAM {channels}."
    return Finding(name=name, mark="limited", text=text, hint=f"{cost} Methods that need no replay are not slower.")


def attention(trial: Trial) -> Finding:
    """Check whether methods that read attention can work; the first of them is tried."""
    label = f"camctl[{ATTENTION[0].casefold()}]"
    (first,) = pick_methods([label])
    why = first.cannot(trial.scene.loaded.module)
    try:
        if not why:
            trial.explain(label)
    except InputError as error:
        why = error.message
    if why:
        return Finding(name="attention", mark="limited", text=f"{', '.join(ATTENTION)} cannot work: {why}")
    return Finding(name="attention", mark="ok", text=f"{', '.join(ATTENTION)} can work")


def class_names(trial: Trial) -> Finding:
    """Check whether classes can be named."""
    names, count, name = trial.scene.loaded.class_names, trial.logits[0].shape[1], "classes"
    binary = names is not None and (len(names), count) == (1, 2)
    if names is not None and (len(names) == count or binary):
        return Finding(name=name, mark="ok", text=f"{count}, with names: {names[0].split(',')[0]}, …")
    known = "without names" if names is None else f"but {len(names)} names, so that none is used"
    hint = Hint(f"Give indices up to {count - 1}", target_category=0)
    return Finding(name=name, mark="limited", text=f"{count}, {known}", hint=hint)


def preprocessing(trial: Trial) -> Finding:
    """Describe how a picture becomes an input."""
    height, width = trial.scene.picture.size
    text = f"a picture of {height} x {width} becomes {by(trial.choice.seen.input_size)}"
    if trial.scene.view.exact:
        return Finding(name="picture", mark="ok", text=text)
    return Finding(name="picture", mark="limited", text=f"{text}. {STRETCHED}")


def untouched(trial: Trial) -> Finding:
    """Check whether the model is unchanged: weights, buffers, modes, hooks."""
    from camctl.engine.model_state import changes, condition

    name, now = "untouched", condition(trial.scene.loaded.module)
    if by_itself := changes(trial.start, trial.after_bare):
        text = f"the model's own forward pass changes {_first(by_itself)}"
        hint = "Its scores may depend on earlier pictures: do not change buffers in eval mode."
        return Finding(name=name, mark="limited", text=text, hint=hint)
    if by_us := changes(trial.after_bare, now):
        text = f"making maps changed {_first(by_us)}"
        hint = "This is a bug in camctl, unless the forward pass does so itself if gradients are on: please report it."
        return Finding(name=name, mark="failed", text=text, hint=hint)
    return Finding(name=name, mark="ok", text="weights, buffers, modes and hooks are as they were")


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 1 else "a second"


def _first(words: tuple[str, ...]) -> str:
    return words[0] + (f" and {len(words) - 1} more" if len(words) > 1 else "")
