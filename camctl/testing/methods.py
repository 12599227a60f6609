"""What is tried on a method."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.plugin import Capture, ClassQuestion
from camctl.testing.trying import FAILED, NETWORKS, Finding, attempt, got, inputs_of, network, untouched

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.plugin import LoadedModel, Method

CLOSE = 1e-4
"""Largest difference, as a share of the largest value, that a batch may make; two classes make a larger one."""


def of_method(loaded: registry.Loaded, _models: Sequence[str]) -> list[Finding]:
    """Shapes, numbers, repeatability, views and classes, on a CNN and on tokens."""
    findings: list[Finding] = []
    for name in NETWORKS:
        model = network(name)
        asks = f"says whether it can work on {name}"
        todo = "Let cannot= give a line, or an empty one."
        why = attempt(loaded, findings, asks, partial(loaded.plugin.cannot, model.module), todo)
        if why is FAILED:
            continue
        if not isinstance(why, str):
            findings.append(Finding(asks, ok=False, todo=f"{todo} It gave {why!r}."))
        if why:
            findings.append(Finding(f"says why it cannot work on {name}: {why}", ok=True))
            continue
        with untouched(model.module, findings, name):
            _evidence(loaded, model, name, findings)
    return findings


def _evidence(loaded: registry.Loaded, model: LoadedModel, where: str, findings: list[Finding]) -> None:
    import torch

    method: Method = loaded.plugin
    one, other, both = (_Watched(_capture(model, method, numbers)) for numbers in ((0,), (1,), (0, 1)))
    raised = "Raise camctl.errors.CamctlError for what a user can mend."
    with torch.no_grad():
        found = attempt(loaded, findings, f"computes ({where})", one.run(method), raised)
        if found is FAILED:
            _explain_empty(method, one, where, findings)
            return
        # What is written over spoils all that is computed after it.
        kept = one.kept()
        if not kept:
            findings.append(_written(where, kept=False))
        if not _fits(method, one, found, where, findings) or not kept:
            return
        again = attempt(loaded, findings, f"computes a second time ({where})", one.run(method), raised)
        if again is FAILED:
            return
        same = isinstance(again, torch.Tensor) and bool(torch.equal(found.nan_to_num(), again.nan_to_num()))
        todo = "" if same else "Draw random numbers from a seed of your own, given as an option."
        if got(again) != got(found):
            todo = f"Return {got(found)} every time; the second time it returned {got(again)}."
        findings.append(Finding(f"gives the same twice ({where})", same, todo))
        takes = f"takes two views at once ({where})"
        together, second = (attempt(loaded, findings, takes, each.run(method), raised) for each in (both, other))
        kept = one.kept() and other.kept() and both.kept()
        findings.append(_written(where, kept=kept))
        if together is FAILED or second is FAILED or not kept:
            return
        alike = _stacked(together, found, second)
        todo = "" if alike else "Treat every view for itself: no mean, maximum or sort over the first dimension."
        if got(together) != (due := f"a tensor {(2, *found.shape[1:])}"):
            todo = f"Return {due} for two views, as {got(found)} for one; it returned {got(together)}."
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
    todo = "" if right else f"Return {named}, here {due}; it returned {got(found)}."
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


def _of_the_class(loaded: registry.Loaded, model: LoadedModel, found: Tensor, where: str) -> Iterator[Finding]:
    """Whether another class gives another map, in more than its scale."""
    from torch import Tensor

    method: Method = loaded.plugin
    raised: list[Finding] = []
    promise = f"depends on the class ({where})"
    run = _Watched(_capture(model, method, (0,), target=1)).run(method)
    second = attempt(loaded, raised, promise, run, "Raise camctl.errors.CamctlError for what a user can mend.")
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
        recorder.forward(inputs_of(model, numbers), model.forward)
        given = recorder.backward(ClassQuestion(target), last=True) if gradients else None
        (capture,) = recorder.captures(ClassQuestion(target), given)
    fresh = {key: getattr(capture, key).detach().clone() for key in ("activations", "gradients", "inputs")}
    return replace(capture, **fresh)
