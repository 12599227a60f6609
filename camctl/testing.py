"""The conformance kit: what a plugin promises, tried for real. `camctl plugins check` runs it; so may a plugin's tests.

In the tests of a package that is installed (`pip install -e .` will do):

    from camctl.testing import check

    def test_the_method_holds_the_contract():
        assert not [one for one in check("method", "softcam") if not one.ok]
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.errors import CamctlError, PluginError, one_line

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.discovery import Kind
    from camctl.plugin import Capture, LoadedModel, Method

NETWORKS = ("demo:resnet", "demo:vit")
"""What methods and metrics are tried on: a CNN, and tokens behind a class token."""

FAMILIES = ("demo:resnet", "demo:vit", "demo:swin", "demo:t2t")
"""What adapters are shown when no model is named."""

HEAVY = ("torch", "torchvision", "numpy", "cv2", "PIL", "scipy", "pandas", "timm", "transformers", "mmengine")
"""Packages that a listing must not wait for."""

CLOSE = 1e-4
"""Largest difference, as a share of the largest value, that a batch may make."""


@dataclass(frozen=True)
class Finding:
    """One promise, and whether it is held."""

    promise: str
    ok: bool
    todo: str = ""
    """What to do; empty where it is held."""


def check(kind: Kind, name: str, models: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Everything that the contract asks of the installed plugin of this name.

    `models`: for an adapter those that it knows, for a source one of its own (`ours:NAME`).
    Raises as `camctl.registry.pick` does. The plugin is tried as it is, out of `custody`, which would mend it.
    """
    loaded = registry.load(registry.locate(kind, name), kept=False)
    findings = [*_said(loaded), _light(loaded)]
    findings += {"method": _method, "metric": _metric, "adapter": _adapter, "source": _source}[kind](loaded, models)
    return tuple(findings)


# ------------------------------------------------------------------------------------- what all hold


def _said(loaded: registry.Loaded) -> Iterator[Finding]:
    for field in ("summary", "paper") if loaded.found.kind in registry.MADE_BY_DECORATOR else ("summary",):
        said = str(getattr(loaded.plugin, field, "")).strip()
        one = bool(said) and "\n" not in said
        yield Finding(f"says its {field} on one line", one, f"Set {field}= to one line." if not one else "")


def _light(loaded: registry.Loaded) -> Finding:
    """Whether its module loads nothing heavy, seen in a fresh process."""
    module = loaded.found.entry_point.module_name
    code = f"import sys; import {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a module that is installed
    seen = done.stdout.strip().splitlines()[-1:] or [""]
    todo = f"Import {', '.join(seen[0].split())} inside functions: a listing imports {module}." if seen[0] else ""
    return Finding("loads nothing heavy when it is listed", not seen[0] and not done.returncode, todo)


@contextmanager
def _untouched(module: nn.Module, findings: list[Finding], where: str) -> Iterator[None]:
    """Note whether what is done inside leaves a model as it was."""
    before = _state(module)
    yield
    same = before == _state(module)
    todo = "" if same else "Undo what you change in capture.module: weights, modes, hooks, requires_grad, grads."
    findings.append(Finding(f"leaves the model as it was ({where})", same, todo))


def _state(module: nn.Module) -> list[Any]:
    hooks = [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules()]  # noqa: SLF001
    weights = [
        # The sum as well: torch counts no writes through `.data`.
        (name, tensor._version, float(tensor.double().sum()), tensor.requires_grad, tensor.grad is None)  # noqa: SLF001
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]
    ]
    return [weights, hooks, [part.training for part in module.modules()]]


def _attempt(findings: list[Finding], promise: str, attempt: Callable[[], Any], todo: str) -> Any:
    """What an attempt gives; None, and a finding, where it raises: a `CamctlError` is an answer, all else is not."""
    try:
        return attempt()
    except PluginError as error:
        findings.append(Finding(promise, ok=False, todo=f"{todo} {error.message}"))
        return None
    except CamctlError as error:
        findings.append(Finding(f"says what it cannot do: {error.message}", ok=bool(error.message)))
        return None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is what is looked for
        findings.append(Finding(promise, ok=False, todo=f"{todo} It raised {one_line(error)}"))
        return None


# ------------------------------------------------------------------------------------------ methods


def _method(loaded: registry.Loaded, _models: Sequence[str]) -> list[Finding]:
    findings: list[Finding] = []
    for name in NETWORKS:
        model = _network(name)
        why = _attempt(
            findings,
            f"says whether it can work on {name}",
            partial(loaded.plugin.cannot, model.module),
            "Let cannot= give a line, or an empty one.",
        )
        if why is None:
            continue
        if why:
            findings.append(Finding(f"says why it cannot work on {name}: {why}", ok=True))
            continue
        with _untouched(model.module, findings, name):
            _evidence(loaded.plugin, model, name, findings)
    return findings


def _evidence(method: Method, model: LoadedModel, where: str, findings: list[Finding]) -> None:
    import torch

    one, other, both = (_capture(model, method, numbers) for numbers in ((0,), (1,), (0, 1)))
    copies = [[tensor.clone() for tensor in _given(capture)] for capture in (one, other, both)]
    raised = "Raise camctl.errors.CamctlError for what a user can mend."
    with torch.no_grad():
        found = _attempt(findings, f"computes ({where})", lambda: method.compute(one), raised)
        if found is None:
            return
        shape = _shape_due(method, one)
        right = isinstance(found, torch.Tensor) and found.shape[: len(shape)] == shape
        got = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        todo = f"Return {_named(method)}, here {shape}; it was {got}."
        findings.append(Finding(f"returns {_named(method)} ({where})", right, "" if right else todo))
        if not right:
            return
        placed = found.is_floating_point() and found.device == one.activations.device and found.layout == torch.strided
        todo = "" if placed else "Return floats on the device of capture.activations."
        findings.append(Finding(f"returns floats on the model's device ({where})", placed, todo))
        if not placed:
            return
        finite = bool(torch.isfinite(found).all())
        todo = "" if finite else "Guard divisions and logarithms: finite activations must give finite evidence."
        findings.append(Finding(f"returns finite numbers ({where})", finite, todo))
        again = _attempt(findings, f"computes a second time ({where})", lambda: method.compute(one), raised)
        if again is None:
            return
        same = bool(torch.equal(found.nan_to_num(), again.nan_to_num()))
        todo = "" if same else "Draw random numbers from a seed of your own, given as an option."
        findings.append(Finding(f"gives the same twice ({where})", same, todo))
        takes = f"takes two views at once ({where})"
        together = _attempt(findings, takes, lambda: (method.compute(both), method.compute(other)), raised)
        if together is not None:
            together, second = together
            alone = torch.cat([found, second])
            alike = together.shape == alone.shape and _close(together, alone)
            todo = "" if alike else "Treat every view for itself: no mean, maximum or sort over the first dimension."
            findings.append(Finding(f"gives each view of a batch its own ({where})", alike, todo))
    kept = all(
        bool(torch.equal(tensor, was)) and not tensor._version  # noqa: SLF001 - torch counts writes there
        for capture, copied in zip((one, other, both), copies, strict=True)
        for tensor, was in zip(_given(capture), copied, strict=True)
    )
    todo = "" if kept else "Work on copies: other methods share the capture's tensors."
    findings.append(Finding(f"writes over nothing that it is given ({where})", kept, todo))


def _given(capture: Capture) -> list[Tensor]:
    return [capture.activations, capture.gradients, capture.inputs]


def _close(one: Tensor, other: Tensor) -> bool:
    largest = float(other.abs().max())
    return float((one - other).abs().max()) <= CLOSE * max(largest, 1e-12)


def _shape_due(method: Method, capture: Capture) -> tuple[int, ...]:
    n, _, height, width = capture.activations.shape
    return (n,) if method.reduction == "none" else (n, capture.activations.shape[1], height, width)


def _named(method: Method) -> str:
    return "maps (N, H, W)" if method.reduction == "none" else "evidence (N, C, H, W)"


def _network(name: str) -> LoadedModel:
    from camctl.pipeline import load

    return load(name)


def _inputs(model: LoadedModel, numbers: Sequence[int]) -> Tensor:
    import torch

    from camctl.demo.scenes import render, scene

    pixels = [render(scene(6_000_000 + number, 2), model.input_size[0]) for number in numbers]
    return torch.stack([model.preprocess(each) for each in pixels])


def _capture(model: LoadedModel, method: Method, numbers: Sequence[int]) -> Capture:
    """A capture of one picture or several at the family's layer, its tensors never written to before."""
    from dataclasses import replace

    from camctl.engine.capture import Recorder
    from camctl.engine.layout import LayoutHints

    adapter = registry.match_adapter(model.module)
    layers = adapter.plugin.target_layers(model.module) if adapter else []
    hints = LayoutHints(adapter=adapter.plugin if adapter else None)
    gradients = "gradients" in method.needs
    with Recorder(model.module, layers[-1:], hints, gradients=gradients) as recorder:
        recorder.forward(_inputs(model, numbers), model.forward)
        given = recorder.backward(0, last=True) if gradients else None
        (capture,) = recorder.captures(0, given)
    fresh = {key: getattr(capture, key).detach().clone() for key in ("activations", "gradients", "inputs")}
    return replace(capture, **fresh)


# ------------------------------------------------------------------------------------------ metrics


def _metric(loaded: registry.Loaded, _models: Sequence[str]) -> list[Finding]:
    findings: list[Finding] = []
    for name in NETWORKS:
        model = _network(name)
        with _untouched(model.module, findings, name):
            figures = [
                _attempt(findings, f"measures a map ({name})", partial(_figure, loaded, model), "Mend it.")
                for _ in range(2)
            ]
        if None in figures:
            continue
        first, second = figures
        same = first == second or (isnan(first) and isnan(second))
        todo = "" if same else "Draw random numbers from a seed of your own, given as an option."
        findings.append(Finding(f"gives the same twice ({name}: {first:.3g})", same, todo))
    return findings


def _figure(loaded: registry.Loaded, model: LoadedModel) -> float:
    from camctl.demo.scenes import render, scene
    from camctl.pipeline import compare

    side = model.input_size[0]
    pixels = render(scene(6_000_000, 2), side)
    found = compare(
        # It leaves nothing negative, whatever the layer and the class: the map is worth something.
        model,
        pixels,
        methods=["camctl[gradcamelementwise]"],
        metrics=[loaded.found.label],
        boxes=(0, 0, side / 2, side),
    )
    for error in found.faults:
        raise error
    return found.cells[0].figures[loaded.found.name]


# ------------------------------------------------------------------------------- adapters and sources


def _adapter(loaded: registry.Loaded, models: Sequence[str]) -> list[Finding]:
    findings: list[Finding] = []
    known = 0
    for name in models or FAMILIES:
        model = _network(name)
        matches = _attempt(
            findings,
            f"can look at {name}",
            partial(loaded.plugin.matches, model.module),
            "Return True or False.",
        )
        if not matches:
            continue
        known += 1
        with _untouched(model.module, findings, name):
            findings.append(_explained(loaded, model, name))
    todo = "" if known else "Name one that it knows: camctl plugins check NAME --model MODEL"
    findings.append(Finding(f"knows one of {', '.join(models or FAMILIES)}", bool(known), todo))
    return findings


def _explained(loaded: registry.Loaded, model: LoadedModel, name: str) -> Finding:
    from camctl.demo.scenes import render, scene
    from camctl.pipeline import explain

    promise = f"names layers whose places the class depends on ({name})"
    try:
        (cam,) = explain(model, render(scene(6_000_000, 2), model.input_size[0]), adapter=loaded.found.label).maps
    except CamctlError as error:
        return Finding(promise, ok=False, todo=f"{error.message} {error.hint}")
    return Finding(promise, cam.verdict == "ok", f"{cam.reason} {cam.hint}".strip())


def _source(loaded: registry.Loaded, models: Sequence[str]) -> list[Finding]:
    import torch

    from camctl.pipeline import load

    findings: list[Finding] = [_refuses(loaded)]
    for name in models:
        model = _attempt(findings, f"loads {name}", partial(load, name), "Load it.")
        if model is None:
            continue
        calm = not any(part.training for part in model.module.modules())
        todo = "" if calm else "Call module.eval() before you return it."
        findings.append(Finding(f"loads {name} in eval mode", calm, todo))
        inputs = _attempt(
            findings, f"prepares pictures ({name})", partial(_inputs, model, (0, 1)), "Prepare any picture."
        )
        if inputs is None:
            continue
        fits = inputs.dtype == torch.float32 and inputs.shape[:2] == (2, 3)
        todo = "" if fits else f"preprocess must give (3, h, w) in float32, not {tuple(inputs.shape[1:])}."
        findings.append(Finding(f"prepares pictures ({name})", fits, todo))
        with torch.no_grad():
            run = partial(model.forward, inputs)
            logits = _attempt(findings, f"runs on prepared pictures ({name})", run, "Mend forward.")
        if logits is None:
            continue
        names = model.class_names
        right = logits.ndim == 2 and (names is None or len(names) == logits.shape[1])  # noqa: PLR2004
        count = f" and {len(names)} class names" if names else ""
        todo = (
            ""
            if right
            else f"forward must give (N, classes), a class name for each; it gave {tuple(logits.shape)}{count}."
        )
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
