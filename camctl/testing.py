"""The conformance kit: what a plugin promises, tried for real. `camctl plugins check` runs it; so may a plugin's tests.

In the tests of a package that is installed (`pip install -e .` will do):

    from camctl.testing import check

    def test_the_method_holds_the_contract():
        assert not [one for one in check("method", "softcam") if not one.ok]
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Any

from camctl import discovery, registry
from camctl.errors import CamctlError, PluginError, one_line
from camctl.plugin import Capture

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.discovery import Found, Kind
    from camctl.plugin import LoadedModel, Method

NETWORKS = ("demo:resnet", "demo:vit")
"""What methods and metrics are tried on: a CNN, and tokens behind a class token."""

FAMILIES = ("demo:resnet", "demo:vit", "demo:swin", "demo:t2t")
"""What adapters are shown when no model is named."""

HEAVY = ("torch", "torchvision", "numpy", "cv2", "PIL", "scipy", "pandas", "timm", "transformers", "mmengine")
"""Packages that a listing must not wait for."""

CLOSE = 1e-4
"""Largest difference, as a share of the largest value, that a batch may make; two classes make a larger one."""

PLACE = re.compile(r"\(\S+, line \d+\)$")
"""How a failure says where it was."""

FAILED = object()
"""What an attempt gives that raised."""


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
    findings = [*_alone(loaded.found), *_said(loaded), _light(loaded)]
    findings += {"method": _method, "metric": _metric, "adapter": _adapter, "source": _source}[kind](loaded, models)
    return tuple(findings)


# ------------------------------------------------------------------------------------- what all hold


def _alone(found: Found) -> Iterator[Finding]:
    """Whether the name of a third party's plugin is its own."""
    if found.built_in:
        return
    others = ", ".join(one.label for one in discovery.rivals(found, discovery.find(found.kind)))
    todo = f"Choose another name for its entry point: {others} goes by this one." if others else ""
    yield Finding("has a name of its own", not others, todo)


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
        (name, tensor._version, float(tensor.detach().double().sum()), tensor.requires_grad, tensor.grad is None)  # noqa: SLF001
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]
    ]
    return [weights, hooks, [part.training for part in module.modules()]]


def _attempt(
    loaded: registry.Loaded, findings: list[Finding], promise: str, attempt: Callable[[], Any], todo: str
) -> Any:
    """What an attempt gives; where it raises `FAILED`, and a finding: a `CamctlError` is an answer, all else is not."""
    try:
        with registry.at_work(loaded):
            return attempt()
    except PluginError as error:
        findings.append(Finding(promise, ok=False, todo=f"{_look(error.message)} {todo}".strip()))
    except CamctlError as error:
        findings.append(Finding(f"says what it cannot do: {error.message}", ok=bool(error.message)))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is what is looked for
        findings.append(Finding(promise, ok=False, todo=f"It raised {one_line(error)}. {todo}".strip()))
    return FAILED


def _look(message: str) -> str:
    """A failure's message, and to look where it says that it failed."""
    said = message.removesuffix(".")
    return f"{said}. Look there." if PLACE.search(said) else f"{said}."


# ------------------------------------------------------------------------------------------ methods


def _method(loaded: registry.Loaded, _models: Sequence[str]) -> list[Finding]:
    findings: list[Finding] = []
    for name in NETWORKS:
        model = _network(name)
        asks = f"says whether it can work on {name}"
        todo = "Let cannot= give a line, or an empty one."
        why = _attempt(loaded, findings, asks, partial(loaded.plugin.cannot, model.module), todo)
        if why is FAILED:
            continue
        if not isinstance(why, str):
            findings.append(Finding(asks, ok=False, todo=f"{todo} It gave {why!r}."))
        if why:
            findings.append(Finding(f"says why it cannot work on {name}: {why}", ok=True))
            continue
        with _untouched(model.module, findings, name):
            _evidence(loaded, model, name, findings)
    return findings


def _evidence(loaded: registry.Loaded, model: LoadedModel, where: str, findings: list[Finding]) -> None:
    import torch

    method: Method = loaded.plugin
    one, other, both = (_Watched(_capture(model, method, numbers)) for numbers in ((0,), (1,), (0, 1)))
    raised = "Raise camctl.errors.CamctlError for what a user can mend."
    with torch.no_grad():
        found = _attempt(loaded, findings, f"computes ({where})", one.run(method), raised)
        if found is FAILED:
            _explain_empty(method, one, where, findings)
            return
        # What is written over spoils all that is computed after it.
        kept = one.kept()
        if not kept:
            findings.append(_written(where, kept=False))
        if not _fits(method, one, found, where, findings) or not kept:
            return
        again = _attempt(loaded, findings, f"computes a second time ({where})", one.run(method), raised)
        if again is FAILED:
            return
        same = isinstance(again, torch.Tensor) and bool(torch.equal(found.nan_to_num(), again.nan_to_num()))
        todo = "" if same else "Draw random numbers from a seed of your own, given as an option."
        if _got(again) != _got(found):
            todo = f"Return {_got(found)} every time; the second time it returned {_got(again)}."
        findings.append(Finding(f"gives the same twice ({where})", same, todo))
        takes = f"takes two views at once ({where})"
        together, second = (_attempt(loaded, findings, takes, each.run(method), raised) for each in (both, other))
        kept = one.kept() and other.kept() and both.kept()
        findings.append(_written(where, kept=kept))
        if together is FAILED or second is FAILED or not kept:
            return
        alike = _stacked(together, found, second)
        todo = "" if alike else "Treat every view for itself: no mean, maximum or sort over the first dimension."
        if _got(together) != (due := f"a tensor {(2, *found.shape[1:])}"):
            todo = f"Return {due} for two views, as {_got(found)} for one; it returned {_got(together)}."
        findings.append(Finding(f"gives each view of a batch its own ({where})", alike, todo))
        if same and method.discriminative:
            findings += _of_the_class(loaded, model, found, where)


class _Watched:
    """A capture, what its tensors were, and whether a method read its gradients."""

    def __init__(self, capture: Capture) -> None:
        self.capture, self.read = capture, False
        self.were = [tensor.clone() for tensor in _given(capture)]

    def run(self, method: Method) -> Callable[[], Any]:
        """The method, to be computed on what it is given."""
        watched = self

        class Shown(Capture):
            def __getattribute__(self, name: str) -> Any:
                watched.read |= name == "gradients"
                return super().__getattribute__(name)

        return lambda: method.compute(Shown(**vars(self.capture)))

    def kept(self) -> bool:
        """Whether nothing was written over."""
        import torch

        return all(
            bool(torch.equal(tensor, was)) and not tensor._version  # noqa: SLF001 - torch counts writes there
            for tensor, was in zip(_given(self.capture), self.were, strict=True)
        )


def _written(where: str, *, kept: bool) -> Finding:
    todo = "" if kept else "Work on copies: other methods share the capture's tensors."
    return Finding(f"writes over nothing that it is given ({where})", kept, todo)


def _explain_empty(method: Method, one: _Watched, where: str, findings: list[Finding]) -> None:
    """Say before the last finding that gradients were read that nobody asked for."""
    if one.read and "gradients" not in method.needs and not findings[-1].ok:
        todo = "gradients is not in needs, so capture.gradients is empty."
        findings.insert(-1, Finding(f"says in needs what it reads ({where})", ok=False, todo=todo))


def _fits(method: Method, one: _Watched, found: Any, where: str, findings: list[Finding]) -> bool:
    """Whether evidence is of the right shape and kind, and so can be looked at further."""
    import torch

    n, channels, height, width = one.capture.activations.shape
    whole = method.reduction == "none"
    named = "maps (N, H, W)" if whole else "evidence (N, C, H, W)"
    due = f"({n}, H, W)" if whole else f"({n}, {channels}, {height}, {width})"
    shape = tuple(found.shape) if isinstance(found, torch.Tensor) else ()
    right = (len(shape) == 3 and shape[0] == n) if whole else shape == (n, channels, height, width)  # noqa: PLR2004
    todo = "" if right else f"Return {named}, here {due}; it returned {_got(found)}."
    findings.append(Finding(f"returns {named} ({where})", right, todo))
    _explain_empty(method, one, where, findings)
    if not right:
        return False
    activations = one.capture.activations
    placed = found.is_floating_point() and found.device == activations.device and found.layout == torch.strided
    todo = "" if placed else "Return floats on the device of capture.activations."
    findings.append(Finding(f"returns floats on the model's device ({where})", placed, todo))
    if not placed:
        return False
    finite = bool(torch.isfinite(found).all())
    todo = "" if finite else "Guard divisions and logarithms: finite activations must give finite evidence."
    findings.append(Finding(f"returns finite numbers ({where})", finite, todo))
    _explain_empty(method, one, where, findings)
    return True


def _got(value: object) -> str:
    """What something is, in words; of a tensor its shape."""
    from torch import Tensor

    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}"
    return "nothing (None)" if value is None else f"a value of the type {type(value).__name__}"


def _of_the_class(loaded: registry.Loaded, model: LoadedModel, found: Tensor, where: str) -> Iterator[Finding]:
    """Whether another class gives another map, in more than its scale."""
    from torch import Tensor

    method: Method = loaded.plugin
    raised: list[Finding] = []
    promise = f"depends on the class ({where})"
    run = _Watched(_capture(model, method, (0,), target=1)).run(method)
    second = _attempt(loaded, raised, promise, run, "Raise camctl.errors.CamctlError for what a user can mend.")
    yield from raised
    if not isinstance(second, Tensor) or second.shape != found.shape:
        return
    depends = float((_ranged(found) - _ranged(second)).abs().max()) > CLOSE
    todo = "" if depends else "Two classes give one map: say discriminative=False to the decorator, or use the class."
    yield Finding(promise, depends, todo)


def _ranged(evidence: Tensor) -> Tensor:
    """Between 0 and 1."""
    least, largest = evidence.min(), evidence.max()
    return (evidence - least) / (largest - least).clamp(min=1e-12)


def _stacked(together: Any, *alone: Any) -> bool:
    """Whether two views at once give what each gives by itself."""
    import torch

    if not all(isinstance(one, torch.Tensor) and one.ndim for one in (together, *alone)):
        return False
    if len({one.shape[1:] for one in alone}) > 1:
        return False
    each = torch.cat(alone)
    return together.shape == each.shape and _close(together, each)


def _given(capture: Capture) -> list[Tensor]:
    return [capture.activations, capture.gradients, capture.inputs]


def _close(one: Tensor, other: Tensor) -> bool:
    largest = float(other.abs().max())
    return float((one - other).abs().max()) <= CLOSE * max(largest, 1e-12)


def _network(name: str) -> LoadedModel:
    from camctl.pipeline import load

    # Another package's source may be called demo as well.
    return load(f"{discovery.BUILT_IN}[demo]:{name.removeprefix('demo:')}" if name in FAMILIES else name)


def _inputs(model: LoadedModel, numbers: Sequence[int]) -> Tensor:
    import torch

    from camctl.demo.scenes import render, scene

    pixels = [render(scene(6_000_000 + number, 2), model.input_size[0]) for number in numbers]
    return torch.stack([model.preprocess(each) for each in pixels])


def _capture(model: LoadedModel, method: Method, numbers: Sequence[int], target: int = 0) -> Capture:
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
        given = recorder.backward(target, last=True) if gradients else None
        (capture,) = recorder.captures(target, given)
    fresh = {key: getattr(capture, key).detach().clone() for key in ("activations", "gradients", "inputs")}
    return replace(capture, **fresh)


# ------------------------------------------------------------------------------------------ metrics


def _metric(loaded: registry.Loaded, _models: Sequence[str]) -> list[Finding]:
    findings: list[Finding] = []
    for name in NETWORKS:
        model = _network(name)
        with _untouched(model.module, findings, name):
            figures = [
                _attempt(loaded, findings, f"measures a map ({name})", partial(_figure, loaded, model), "")
                for _ in range(2)
            ]
        if FAILED in figures:
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
            loaded,
            findings,
            f"can look at {name}",
            partial(loaded.plugin.matches, model.module),
            "Return True or False.",
        )
        if matches is FAILED or not matches:
            continue
        known += 1
        with _untouched(model.module, findings, name):
            findings.append(_explained(loaded, model, name))
    if known or models:
        todo = "" if known else "Name one that it knows: camctl plugins check NAME --model MODEL"
        findings.append(Finding(f"knows one of {', '.join(models or FAMILIES)}", bool(known), todo))
    else:
        findings.append(Finding("names layers of a model that it knows: not tried, for want of --model", ok=True))
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
        model = _attempt(loaded, findings, f"loads {name}", partial(load, name), "")
        if model is FAILED:
            continue
        calm = not any(part.training for part in model.module.modules())
        todo = "" if calm else "Call module.eval() before you return it."
        findings.append(Finding(f"loads {name} in eval mode", calm, todo))
        inputs = _attempt(
            loaded, findings, f"prepares pictures ({name})", partial(_inputs, model, (0, 1)), "Prepare any picture."
        )
        if inputs is FAILED:
            continue
        fits = inputs.dtype == torch.float32 and inputs.shape[:2] == (2, 3)
        todo = "" if fits else f"preprocess must give (3, h, w) in float32, not {tuple(inputs.shape[1:])}."
        findings.append(Finding(f"prepares pictures ({name})", fits, todo))
        with torch.no_grad():
            run = partial(model.forward, inputs)
            logits = _attempt(loaded, findings, f"runs on prepared pictures ({name})", run, "")
        if logits is FAILED:
            continue
        names = model.class_names
        scores = isinstance(logits, torch.Tensor) and logits.ndim == 2  # noqa: PLR2004
        right = scores and (names is None or len(names) == logits.shape[1])
        count = f" and {len(names)} class names" if names else ""
        todo = "" if right else f"forward must give (N, classes), a class name for each; it gave {_got(logits)}{count}."
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
