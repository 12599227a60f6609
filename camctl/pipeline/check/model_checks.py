"""What a check finds about the model, one function per line of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import Hint, InputError
from camctl.pipeline.check.trial import by, difference
from camctl.pipeline.method_selection import pick_methods
from camctl.pipeline.run import STRETCHED

if TYPE_CHECKING:
    from camctl.pipeline.check.trial import Outcome, Trial

ATTENTION = ("AttentionRollout", "GradientAttention", "LeGrad")
"""The built-in methods that read attention; what the first can read, the others can."""


def pointing(trial: Trial) -> Outcome | None:
    """Check whether the model misses the map's brighter half more than its darker half; None if that was not tried."""
    if not trial.telling or trial.cam is None or trial.cam.verdict not in {"ok", "inverted"}:
        return None
    if trial.cam.verdict == "inverted":
        return "failed", "the map points away from its class, as the verdict says", ""
    return "ok", "hiding the map's brighter half costs the class more than its darker", ""


def steady(trial: Trial) -> Outcome:
    """Check whether scores and map are the same twice."""
    hint = "Something in the forward pass is random or has a memory: disable it in eval mode."
    if not trial.steady:
        return "failed", f"the same picture gives other scores each time (off by {difference(*trial.logits):.1%})", hint
    if trial.cam is None:
        return "ok", "the same scores twice", ""
    from torch import from_numpy

    (again,) = trial.explain(trial.cam.method, targets=trial.cam.target.index)
    off = difference(from_numpy(trial.cam.raw), from_numpy(again.raw))
    if off <= trial.close:
        return "ok", "the same scores and the same map twice", ""
    return "failed", f"the map differs from one time to the next (by {off:.1%})", hint


def batch(trial: Trial) -> Outcome:
    """Check whether a picture's scores are the same in a batch with another picture."""
    import torch

    from camctl.engine.model_state import untouched

    hint = Hint("Leave out metrics, methods that run batches (ScoreCAM), and smoothing over views", aug_smooth=True)
    if not trial.steady:
        return "limited", "cannot be told, since the scores differ each time", ""
    plan, inputs = trial.scene.plan, trial.scene.inputs
    try:
        with torch.no_grad(), untouched(plan.table):
            both = plan.forward(torch.cat([inputs, inputs.flip(-1)])).float().cpu()
    except InputError as error:
        return "limited", f"takes one picture at a time. {error.message}", hint
    off = difference(trial.logits[0], both[:1])
    if off <= 10 * trial.close:  # other kernels add up in another order
        return "ok", "a batch of two gives the scores of each alone", ""
    return "limited", f"a picture's scores change by {off:.1%} next to another one", hint


def replay(trial: Trial) -> Outcome:
    """Check whether the layers after the target layer can be run by themselves."""
    from camctl.engine.replay import Replay

    scene = trial.scene
    seen = trial.capture(scene.inputs)
    grid = seen.layout.to_grid(seen.output)
    played = Replay(scene.plan.table, seen.name, seen.layout, seen.output, scene.inputs, scene.plan.forward)
    played(grid)
    if not played.why_whole:
        return "ok", "ReciproCAM and AblationCAM run only what follows the layer", ""
    channels, cells = grid.shape[1], grid.shape[2] * grid.shape[3]
    seconds = cells * trial.bare
    about = f"{seconds:.0f} s" if seconds >= 1 else "a second"
    hint = (
        f"ReciproCAM then takes {cells} of them (about {about}) and AblationCAM {channels}. "
        "Methods that need no replay are not slower."
    )
    return "limited", f"only whole forward passes will do. {played.why_whole}", hint


def attention(trial: Trial) -> Outcome:
    """Check whether methods that read attention can work; the first of them is tried."""
    label = f"camctl[{ATTENTION[0].casefold()}]"
    (first,) = pick_methods([label])
    why = first.cannot(trial.scene.loaded.module)
    try:
        if not why:
            trial.explain(label)
    except InputError as error:
        why = error.message
    names = ", ".join(ATTENTION)
    return ("limited", f"{names} cannot work: {why}", "") if why else ("ok", f"{names} can work", "")


def class_names(trial: Trial) -> Outcome:
    """Check whether classes can be named."""
    names, count = trial.scene.loaded.class_names, trial.logits[0].shape[1]
    if trial.scene.plan.output.kind == "values":
        return "ok", f"none: {count} value{'s' if count > 1 else ''}, each explained going up or down", ""
    binary = names is not None and (len(names), count) == (1, 2)
    if names is not None and (len(names) == count or binary):
        return "ok", f"{count}, with names: {names[0].split(',')[0]}, …", ""
    known = "without names" if names is None else f"but {len(names)} names, so that none is used"
    return "limited", f"{count}, {known}", Hint(f"Give indices up to {count - 1}", target_category=0)


def preprocessing(trial: Trial) -> Outcome:
    """Describe how a picture becomes an input."""
    text = f"a picture of {by(trial.scene.picture.size)} becomes {by(trial.seen.input_size)}"
    if trial.scene.view.exact:
        text = f"{text}: {trial.scene.view.words(trial.scene.picture.size)}"
    return ("ok", text, "") if trial.scene.view.exact else ("limited", f"{text}. {STRETCHED}", "")


def untouched(trial: Trial) -> Outcome:
    """Check whether the model is unchanged: weights, buffers, modes, hooks."""
    from camctl.engine.model_state import changes, condition

    if by_itself := changes(trial.start, trial.after_bare):
        hint = "Its scores may depend on earlier pictures: do not change buffers in eval mode."
        return "limited", f"the model's own forward pass changes {_first(by_itself)}", hint
    if by_us := changes(trial.after_bare, condition(trial.scene.loaded.module)):
        hint = "This is a bug in camctl, unless the forward pass does so itself if gradients are on: please report it."
        return "failed", f"making maps changed {_first(by_us)}", hint
    return "ok", "weights, buffers, modes and hooks are as they were", ""


def _first(words: tuple[str, ...]) -> str:
    return words[0] + (f" and {len(words) - 1} more" if len(words) > 1 else "")
