"""What is tried on adapters and sources, which bring models or know them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, one_line
from camctl.testing.trying import FAILED, FAMILIES, Finding, attempt, got, inputs_of, network, untouched

if TYPE_CHECKING:
    from camctl import registry
    from camctl.plugin import LoadedModel


def of_adapter(loaded: registry.Loaded, models: Sequence[str]) -> list[Finding]:
    """Whether it knows one of the models, and names layers that a map can be made of."""
    findings: list[Finding] = []
    known = 0
    for name in models or FAMILIES:
        model = network(name)
        matches = attempt(
            loaded,
            findings,
            f"can look at {name}",
            partial(loaded.plugin.matches, model.module),
            "Return True or False.",
        )
        if matches is FAILED or not matches:
            continue
        known += 1
        with untouched(model.module, findings, name):
            findings.append(_explained(loaded, model, name))
    if known or models:
        todo = "" if known else "Name one that it knows: camctl plugins check NAME --model MODEL"
        findings.append(Finding(f"knows one of {', '.join(models or FAMILIES)}", bool(known), todo))
    else:
        findings.append(Finding("names layers of a model that it knows: not tried, for want of --model", ok=True))
    return findings


def _explained(loaded: registry.Loaded, model: LoadedModel, name: str) -> Finding:
    from camctl.demo.scenes import render, scene
    from camctl.pipeline.explain import explain
    from camctl.values.request import Family

    promise = f"names layers whose places the class depends on ({name})"
    try:
        pixels = render(scene(6_000_000, 2), model.input_size[0])
        (cam,) = explain(model, pixels, family=Family(adapter=loaded.found.label)).maps
    except CamctlError as error:
        return Finding(promise, ok=False, todo=f"{error.message} {error.hint}")
    return Finding(promise, not cam.blank, f"{cam.reason} {cam.hint}".strip())


def of_source(loaded: registry.Loaded, models: Sequence[str]) -> list[Finding]:
    """Whether it refuses a wrong name in a line, and loads models that are ready to be explained."""
    import torch

    from camctl.pipeline.load import load

    findings: list[Finding] = [_refuses(loaded)]
    for name in models:
        model = attempt(loaded, findings, f"loads {name}", partial(load, name), "")
        if model is FAILED:
            continue
        calm = not any(part.training for part in model.module.modules())
        todo = "" if calm else "Call module.eval() before you return it."
        findings.append(Finding(f"loads {name} in eval mode", calm, todo))
        inputs = attempt(
            loaded, findings, f"prepares pictures ({name})", partial(inputs_of, model, (0, 1)), "Prepare any picture."
        )
        if inputs is FAILED:
            continue
        fits = inputs.dtype == torch.float32 and inputs.shape[:2] == (2, 3)
        todo = "" if fits else f"preprocess must give (3, h, w) in float32, not {tuple(inputs.shape[1:])}."
        findings.append(Finding(f"prepares pictures ({name})", fits, todo))
        with torch.no_grad():
            run = partial(model.forward, inputs)
            logits = attempt(loaded, findings, f"runs on prepared pictures ({name})", run, "")
        if logits is FAILED:
            continue
        names = model.class_names
        scores = isinstance(logits, torch.Tensor) and logits.ndim == 2  # noqa: PLR2004
        right = scores and (names is None or len(names) == logits.shape[1])
        count = f" and {len(names)} class names" if names else ""
        todo = "" if right else f"forward must give (N, classes), a class name for each; it gave {got(logits)}{count}."
        findings.append(Finding(f"gives a score for every class ({name})", right, todo))
    if not models:
        findings.append(Finding("loads one of its models: not tried, for want of --model", ok=True))
    return findings


def _refuses(loaded: registry.Loaded) -> Finding:
    """Whether an unknown name ends in one line that says so."""
    from camctl.plugin import LoadOptions

    promise = "answers an unknown name with a camctl.errors.InputError"
    try:
        loaded.plugin.load("no such model", None, "cpu", LoadOptions())
    except CamctlError as error:
        one = "\n" not in error.message and bool(error.hint)
        return Finding(promise, one, "" if one else "Say it in one line, and give a hint with the next step.")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever else it raises is the finding
        return Finding(promise, ok=False, todo=f"Raise InputError(message, hint=...); it raised {one_line(error)}")
    return Finding(promise, ok=False, todo="Raise InputError for a model that is not there; it returned something.")
