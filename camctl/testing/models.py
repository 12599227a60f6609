"""Trials of adapters and sources, which know models or load them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, one_line
from camctl.registry.sandbox import described
from camctl.testing.trial import FAILED, FAMILIES, Trial, inputs_of, load_network, picture

if TYPE_CHECKING:
    from camctl.plugin import LoadedModel


def try_adapter(trial: Trial, models: Sequence[str]) -> None:
    """Try whether it knows one of the models, and names layers that a map can be made of."""
    known = 0
    for name in models or FAMILIES:
        model = load_network(name)
        look = partial(trial.plugin.matches, model.module)
        matches = trial.attempt(f"can look at {name}", look, "Return True or False.")
        if matches is FAILED or not matches:
            continue
        known += 1
        with trial.on(model.module, name):
            _explain(trial, model)
    if known or models:
        todo = "Name one that it knows: camctl plugins check NAME --model MODEL"
        trial.note(f"knows one of {', '.join(models or FAMILIES)}", bool(known), todo)
    else:
        trial.note("names layers of a model that it knows: not tried, for want of --model", True)


def _explain(trial: Trial, model: LoadedModel) -> None:
    from camctl.pipeline.explain import explain
    from camctl.values.request import Family

    promise = "names layers whose places the class depends on"
    try:
        (cam,) = explain(model, picture(model), family=Family(adapter=trial.found.label)).maps
    except CamctlError as error:
        trial.note(promise, False, f"{error.message} {error.hint}")
    else:
        trial.note(promise, not cam.blank, f"{cam.reason} {cam.hint}".strip())


def try_source(trial: Trial, models: Sequence[str]) -> None:
    """Try whether it refuses a wrong name in one line, and loads models that can be explained."""
    _refuse(trial)
    for name in models:
        _load(trial, name)
    if not models:
        trial.note("loads one of its models: not tried, for want of --model", True)


def _load(trial: Trial, name: str) -> None:
    """Try one model: eval mode, preprocessing, and a score for every class."""
    import torch

    from camctl.engine.output import OutputReader
    from camctl.pipeline.load import load

    model = trial.attempt(f"loads {name}", partial(load, name))
    if model is FAILED:
        return
    in_eval_mode = not any(part.training for part in model.module.modules())
    trial.note(f"loads {name} in eval mode", in_eval_mode, "Call module.eval() before you return it.")
    promise = f"prepares pictures ({name})"
    inputs = trial.attempt(promise, partial(inputs_of, model, (0, 1)), "Prepare any picture.")
    if inputs is FAILED:
        return
    todo = f"preprocess returned {tuple(inputs.shape[1:])} in {inputs.dtype}; expected (channels, h, w) in float32."
    trial.note(promise, inputs.dtype == torch.float32 and inputs.shape[:2] == (2, 3), todo)
    reader = OutputReader(model)
    with torch.no_grad():
        answers: Any = trial.attempt(f"runs on prepared pictures ({name})", partial(reader, inputs))
    if answers is FAILED:
        return
    if reader.output is not None and reader.output.kind in {"boxes", "embedding"}:
        trial.note(f"returns {reader.output.kind} ({name})", True)
        return
    names = model.class_names
    count = f" and {len(names)} class names" if names else ""
    todo = f"forward returned {described(answers)}{count}; expected (N, classes), and a name for each class."
    # A single logit decides between two classes, and may have the name of one.
    fits = names is None or len(names) == answers.shape[1] or (len(names), answers.shape[1]) == (1, 2)
    trial.note(f"returns a score for every class ({name})", fits, todo)


def _refuse(trial: Trial) -> None:
    """Try whether an unknown name ends in one line that says so."""
    from camctl.plugin import LoadOptions

    promise = "answers an unknown name with a camctl.errors.InputError"
    try:
        trial.plugin.load("no such model", None, "cpu", LoadOptions())
    except CamctlError as error:
        todo = "Say it in one line, and give a hint with the next step."
        trial.note(promise, "\n" not in error.message and bool(error.hint), todo)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - any other exception is a finding
        trial.note(promise, False, f"Raise InputError(message, hint=...); it raised {one_line(error)}")
    else:
        trial.note(promise, False, "Raise InputError for a model that does not exist; it returned something.")
