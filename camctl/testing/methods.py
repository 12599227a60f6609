"""Trial of a method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.plugin import ClassQuestion
from camctl.registry.sandbox import described, wrong_evidence
from camctl.testing.trial import FAILED, NETWORKS, Trial, inputs_of, load_network

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.plugin import Capture, LoadedModel, Method

CLOSE = 1e-4
"""Relative tolerance for equal maps; two classes must differ by more."""

TENSORS = ("activations", "gradients", "inputs")
RAISE = "Raise camctl.errors.CamctlError for what a user can correct."
SEED = "Draw random numbers from a seed of your own, given as an option."


def try_method(trial: Trial, _models: Sequence[str]) -> None:
    """Try shapes, numbers, repeatability, views and classes, on a CNN and on tokens."""
    for name in NETWORKS:
        model = load_network(name)
        promise, todo = f"says whether it can work on {name}", "Return a line, or an empty one, from cannot=."
        reason = trial.attempt(promise, partial(trial.plugin.cannot, model.module), todo)
        if reason is FAILED:
            continue
        if not isinstance(reason, str):
            trial.note(promise, False, f"{todo} It returned {described(reason)}.")
        if reason:
            trial.note(f"says why it cannot work on {name}: {reason}", True)
            continue
        with trial.untouched(model.module, name):
            _Evidence(trial, model, name).try_all()


class _Evidence:
    """Trial of a method's evidence on one network."""

    def __init__(self, trial: Trial, model: LoadedModel, network: str) -> None:
        self.trial, self.model, self.network = trial, model, network
        self.method: Method = trial.plugin

    def try_all(self) -> None:
        """Try everything; what follows from a broken promise is not tried."""
        import torch

        first = _capture(self.model, self.method, (0,))
        with torch.no_grad():
            evidence = self._compute("computes", first)
            if evidence is FAILED or not self._fits(evidence, first) or not self._unwritten(first, 0):
                self._explain_gradients()
                return
            again = self._compute("computes a second time", first)
            if again is FAILED:
                return
            same = (
                isinstance(again, torch.Tensor)
                and again.dtype == evidence.dtype
                and torch.equal(evidence.nan_to_num(), again.nan_to_num())
            )
            todo = (
                SEED if described(again) == described(evidence) else f"The second time it returned {described(again)}."
            )
            self._note("gives the same twice", same, todo)
            if self._views(evidence) and same and self.method.discriminative:
                self._classes(evidence)

    def _note(self, promise: str, ok: bool, todo: str = "") -> bool:  # noqa: FBT001
        return self.trial.note(f"{promise} ({self.network})", ok, todo)

    def _compute(self, promise: str, capture: Capture) -> Any:
        return self.trial.attempt(f"{promise} ({self.network})", partial(self.method.compute, capture), RAISE)

    def _unwritten(self, capture: Capture, *numbers: int) -> bool:
        """Whether a capture of these pictures is still equal to a new one; a finding if not."""
        import torch

        new = _capture(self.model, self.method, numbers)
        kept = all(torch.equal(getattr(capture, key), getattr(new, key)) for key in TENSORS)
        return kept or self._note("writes over nothing that it is given", False, "Work on copies: others share them.")

    def _fits(self, evidence: Any, capture: Capture) -> bool:
        import torch

        shape = "maps (N, H, W)" if self.method.reduction == "none" else "evidence (N, C, H, W)"
        problem = wrong_evidence(evidence, capture, self.method)
        if not self._note(f"returns {shape}", not problem, f"Return {shape}: it {problem}"):
            return False
        if not self._note("returns floats", evidence.is_floating_point(), f"It returned {evidence.dtype}."):
            return False
        finite = bool(torch.isfinite(evidence).all())
        todo = "Guard divisions and logarithms: finite activations must give finite evidence."
        return self._note("returns finite numbers", finite, todo)

    def _explain_gradients(self) -> None:
        """Note that a method reads gradients without needing them, if it works with them."""
        if "gradients" in self.method.needs:
            return
        needy = replace(self.method, needs=self.method.needs | {"gradients"})
        capture = _capture(self.model, needy, (0,))
        silent = Trial(registry.Loaded(self.trial.found, needy))
        evidence = silent.attempt("", partial(needy.compute, capture))
        if evidence is not FAILED and not wrong_evidence(evidence, capture, needy):
            todo = "gradients is not in needs, so capture.gradients is empty."
            self._note("says in needs what it reads", False, todo)

    def _views(self, evidence: Tensor) -> bool:
        """Try two views at once, which must give what each gives by itself."""
        second, both = (_capture(self.model, self.method, numbers) for numbers in ((1,), (0, 1)))
        together, other = (self._compute("takes two views at once", capture) for capture in (both, second))
        if together is FAILED or other is FAILED or not (self._unwritten(second, 1) and self._unwritten(both, 0, 1)):
            return False
        self._note("writes over nothing that it is given", True)
        alone = (evidence, other)
        promise = "gives each view of a batch its own"
        if wrong_evidence(together, both, self.method) or together.shape[1:] != evidence.shape[1:]:
            todo = f"For two views it returned {described(together)}, for one {described(evidence)}."
            return self._note(promise, False, todo)
        todo = "Treat every view for itself: no mean, maximum or sort over the first dimension."
        return self._note(promise, all(_close(together[i], alone[i][0]) for i in range(2)), todo)

    def _classes(self, evidence: Tensor) -> None:
        """Try another class, which must give another map, not only at another scale."""
        other = self._compute("depends on the class", _capture(self.model, self.method, (0,), target=1))
        if other is FAILED or other.shape != evidence.shape:
            return
        depends = float((_scaled(evidence) - _scaled(other)).abs().max()) > CLOSE
        todo = "Two classes give one map: say discriminative=False to the decorator, or use the class."
        self._note("depends on the class", depends, todo)


def _scaled(evidence: Tensor) -> Tensor:
    """Evidence scaled to 0..1."""
    low, high = evidence.min(), evidence.max()
    return (evidence - low) / (high - low).clamp(min=1e-12)


def _close(one: Tensor, other: Tensor) -> bool:
    return float((one - other).abs().max()) <= CLOSE * max(float(other.abs().max()), 1e-12)


def _capture(model: LoadedModel, method: Method, numbers: Sequence[int], target: int = 0) -> Capture:
    """A capture of these pictures at the adapter's layer, with new tensors."""
    from camctl.engine.capture import Recorder
    from camctl.engine.layout import LayoutHints

    adapter = registry.match_adapter(model.module)
    layers = adapter.plugin.target_layers(model.module) if adapter else []
    hints = LayoutHints(adapter=adapter.plugin if adapter else None)
    needed = "gradients" in method.needs
    with Recorder(model.module, layers[-1:], hints, gradients=needed) as recorder:
        recorder.forward(inputs_of(model, numbers), model.forward)
        gradients = recorder.backward(ClassQuestion(target), last=True) if needed else None
        (capture,) = recorder.captures(ClassQuestion(target), gradients)
    return replace(capture, **{key: getattr(capture, key).detach().clone() for key in TENSORS})
